# shellcheck shell=bash disable=SC2153  # the parts share their variables
# A part of install.sh: a Python, and the environments with exactly the locked packages.

python_fits() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3 python3.13 python3.12 python3.11 python3.14 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-4]*/bin/python "$TOOLS"/python/*/bin/python3; do
    if candidate=$(command -v "$candidate") && python_fits "$candidate"; then
      # Behind a shim stands a file that stays when the shim's choice changes.
      "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
      return
    fi
  done
  return 1
}

# A Python of uv's own, for a distribution whose newest is too old. Needs some Python to start uv.
bring_python() {
  tool_venv uv "Bringing uv, because no Python here is between 3.11 and 3.14"
  quietly "$TOOLS/uv/bin/uv" python install --install-dir "$TOOLS/python" 3.12
}

ensure_python() {
  install_missing python3=python3
  find_python >/dev/null || bring_python
  find_python || die "there is no Python between 3.11 and 3.14, and uv could not bring one"
}

# What building from source needs; only asked for when something is to be built.
ensure_build_packages() {
  local python=$1 name=python3
  local -a packages=()
  [[ $python == /usr/bin/python3.* && $python != "$(realpath /usr/bin/python3)" ]] && name=${python##*/}
  "$python" -c 'import ensurepip' 2>/dev/null || packages+=("$name-venv")
  "$python" -c 'import pathlib, sysconfig as s; pathlib.Path(s.get_path("include"), "Python.h").stat()' \
    2>/dev/null || packages+=("$name-dev")
  mapfile -t -O "${#packages[@]}" packages < <(missing gcc=gcc gcc=libc6-dev pkg-config=pkg-config)
  pkg-config --exists libsystemd 2>/dev/null || packages+=(libsystemd-dev)
  install_packages "${packages[@]}"
}

hash_of() { cat -- "$@" | sha256sum | cut -d' ' -f1; }

new_venv() { quietly "$1" -m venv --clear "$2"; }

pip_install() {
  local venv=$1
  shift
  # Its own bin first: what is built from source calls cython, cmake and ninja by name.
  PATH="$venv/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    quietly "$venv/bin/python" -m pip install "$@"
}

# tool_venv NAME WORDS: a small environment for one tool, apart from the appliance's.
tool_venv() {
  local venv=$TOOLS/$1 lock=$ROOT/requirements/$1.txt stamp
  stamp=$(hash_of "$lock")
  [[ -e $venv/.stamp && $(<"$venv/.stamp") == "$stamp" ]] && return
  step "$2"
  local python
  python=$(find_python) || python=/usr/bin/python3
  "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  new_venv "$python" "$venv"
  pip_install "$venv" --require-hashes -r "$lock"
  printf '%s\n' "$stamp" >"$venv/.stamp"
}

# What pyproject.toml says of the package; the settings of linters change nothing that is installed.
package_table() {
  awk '/^\[/ { kept = !/^\[+tool\.(ruff|mypy|pytest)/ } kept' "$ROOT/pyproject.toml"
}

venv_stamp() {
  printf '%s %s' "$ROOT" "$(package_table | hash_of "$ROOT"/requirements/{build,"$1"}.txt -)"
}

venv_is_current() {
  [[ -e $VENV/.stamp-$1 && $(<"$VENV/.stamp-$1") == "$(venv_stamp "$1")" ]] && python_fits "$VENV/bin/python"
}

# ensure_venv run|test: the appliance and its requirements, exactly as locked.
ensure_venv() {
  local kind=$1 python
  venv_is_current "$kind" && return
  check_space
  python=$(ensure_python)
  ensure_build_packages "$python"
  if ! python_fits "$VENV/bin/python" || [[ ! -e $VENV/.root || $(<"$VENV/.root") != "$ROOT" ]]; then
    new_venv "$python" "$VENV"
    printf '%s\n' "$ROOT" >"$VENV/.root"
  fi
  step "Installing the Python packages into .venv; a few minutes the first time"
  rm -f -- "$VENV"/.stamp-*
  pip_install "$VENV" --require-hashes -r "$ROOT/requirements/build.txt"
  pip_install "$VENV" --no-build-isolation --require-hashes -r "$ROOT/requirements/$kind.txt"
  pip_install "$VENV" --no-build-isolation --no-deps -e "$ROOT"
  # The test requirements hold all the others.
  venv_stamp run >"$VENV/.stamp-run"
  [[ $kind == run ]] || venv_stamp "$kind" >"$VENV/.stamp-$kind"
}
