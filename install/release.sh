# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: a release is a directory that is built once, sealed with a list of all its
# files and their hashes, and never changed again. Without MANIFEST.sha256 it does not count.

# Which release: the version, and a hash of everything that goes into it. The same sources, Python
# and GPU wheels always give the same name, so building it twice is building it once.
python='' python_wanted='' release_id='' release=''

# Of pip, uv and npm while a release is built, so that none stays in root's home.
readonly CACHES=$PREFIX/caches
keep_caches_apart() { export PIP_CACHE_DIR=$CACHES/pip UV_CACHE_DIR=$CACHES/uv npm_config_cache=$CACHES/npm; }

parts() { printf '%s\n' appliance docs install jetson nginx "$UNITS" requirements/{pip,run}.txt models/manifest.toml \
  pyproject.toml install.sh README.md LICENSE; }

source_hash() {
  (cd -- "$ROOT" && parts | xargs -d '\n' -I{} find {} -name __pycache__ -prune -o -type f ! -name '*.pyc' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum)
}

# The stamp of the page that stands in the sources, or in a bundle beside the page built from them.
wanted_page() {
  if [[ -e $ROOT/web/package.json ]]; then page_stamp; else cat -- "$ROOT/web/dist/.stamp"; fi
}

version() { sed -nE 's/^version = "([^"]+)"/\1/p' "$ROOT/pyproject.toml"; }

identify_release() {
  local hash
  hash=$({ source_hash && wanted_page && python_tag "$python" && gpu_stack; } | sha256sum)
  release_id=$(version)+${hash:0:8}
  release=$RELEASES/$release_id
}

release_is_complete() { [[ -n $release && -e $release/MANIFEST.sha256 ]]; }

current_release() { [[ ! -L $PREFIX/current ]] || basename -- "$(readlink -- "$PREFIX/current")"; }

complete_releases() {
  local manifest
  # Oldest first.
  while read -r manifest; do basename -- "$(dirname -- "$manifest")"; done \
    < <(ls -1rt -- "$RELEASES"/*/MANIFEST.sha256 2>/dev/null)
}

# ── python ───────────────────────────────────────────────────────────────────────────────────

python_tag() { "$1" -c 'import sys; print("cp%d%d" % sys.version_info[:2])'; }

# One that the appliance's own user can run too, so none of a person's home directory; and a whole
# one, which Debian's python3-minimal is not.
find_device_python() {
  local candidate
  for candidate in /usr/bin/python3 /usr/bin/python3.1[2314] /usr/local/bin/python3 "$PREFIX"/python/*/bin/python3; do
    [[ -x $candidate ]] && python_fits "$candidate" && "$candidate" -c 'import ssl, venv' 2>/dev/null &&
      [[ -z $python_wanted || $(python_tag "$candidate") == "$python_wanted" ]] && { realpath -- "$candidate" && return; }
  done
  return 1
}

check_python() {
  python=$(find_device_python) && return
  todo="bring Python 3.12 through uv; this system's are too old"
  [[ -z $bundle ]] || todo='unpack the Python of the bundle'
  return 1
}

do_python() {
  local brought
  if [[ -n $bundle ]]; then
    # Beside those that other releases may have.
    for brought in "$bundle"/python/*; do
      rm -rf -- "$PREFIX/python.new"
      mkdir -p -- "$PREFIX/python"
      # Root's, whoever has unpacked the bundle.
      cp -R --preserve=links -- "$brought" "$PREFIX/python.new"
      chmod -R u=rwX,go=rX -- "$PREFIX/python.new"
      compile_python "$PREFIX/python.new"
      rm -rf -- "$PREFIX/python/${brought##*/}"
      mv -fT -- "$PREFIX/python.new" "$PREFIX/python/${brought##*/}"
    done
    return
  fi
  local uv=$PREFIX/.uv
  /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  new_venv /usr/bin/python3 "$uv"
  pip_install "$uv" --require-hashes -r "$ROOT/requirements/uv.txt"
  quietly "$uv/bin/uv" python install --no-bin --install-dir "$PREFIX/python" 3.12
  for brought in "$PREFIX"/python/*; do compile_python "$brought"; done
  rm -rf -- "$uv"
}

# Once, because the daemon may not write there; a library has a few files that are wrong on purpose.
compile_python() { "$1/bin/python3" -m compileall -q "$1"/lib/python3* >/dev/null 2>&1 || true; }

# ── sources ──────────────────────────────────────────────────────────────────────────────────

check_sources() {
  identify_release
  release_is_complete && return
  todo="lay out release $release_id"
  [[ -e $release/.laid-out ]]
}

do_sources() {
  rm -rf -- "$release"
  mkdir -p -- "$release/bin" "$release/models"
  if [[ -e $ROOT/web/package.json ]] && ! page_is_built; then
    build_page_in "$PREFIX/page"
    cp -R -- "$PREFIX/page/web/dist" "$release/web"
    rm -rf -- "$PREFIX/page"
  else
    cp -R -- "$ROOT/web/dist" "$release/web"
  fi
  cp -R -- "$ROOT/docs" "$ROOT/install" "$ROOT/jetson" "$ROOT/nginx" "$release"
  cp -R -- "$ROOT/$UNITS" "$release/units"
  cp -- "$ROOT/install.sh" "$ROOT/README.md" "$ROOT/LICENSE" "$ROOT/pyproject.toml" "$release"
  cp -- "$ROOT/models/manifest.toml" "$release/models"
  find "$release" -name __pycache__ -prune -exec rm -rf -- {} +
  ln -s ../venv/bin/appliance "$release/bin/appliance"
  ln -s ../install/on-failure.sh "$release/bin/on-failure"
  ln -s ../install/probation.sh "$release/bin/end-probation"
  chmod -R u=rwX,go=rX -- "$release"
  : >"$release/.laid-out"
}

# ── environment ──────────────────────────────────────────────────────────────────────────────

environment_stamp() { printf '%s %s %s' "$(hash_of "$ROOT"/requirements/{pip,run}.txt)" "$(python_tag "$python")" "$(gpu_stack)"; }

check_environment() {
  release_is_complete && return
  todo="build its Python environment; a few minutes where the packages have to be fetched"
  [[ -e $release/venv/.complete ]]
}

# What builds wheels, from hashes alone; half of it counts as nothing.
make_build_environment() {
  [[ -e $1/.complete && $(<"$1/.complete") == "$2" ]] && return
  ensure_build_packages "$python"
  new_venv "$python" "$1"
  pip_install "$1" --require-hashes -r "$ROOT/requirements/build.txt"
  printf '%s\n' "$2" >"$1/.complete"
}

# make_wheels DIRECTORY: every package as a wheel, from hashes alone; the pip that unpacks them, and
# the appliance itself.
make_wheels() {
  local wheels=$1 stamp build=$1.build
  stamp="$(hash_of "$ROOT"/requirements/{build,pip,run}.txt) $(python_tag "$python")"
  make_build_environment "$build" "$stamp"
  if [[ ! -e $wheels/.stamp || $(<"$wheels/.stamp") != "$stamp" ]]; then
    # Of those of another lock, none may stay.
    rm -rf -- "$wheels"
    mkdir -p -- "$wheels"
    PATH="$build/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1 quietly "$build/bin/python" -m pip wheel \
      --no-build-isolation --require-hashes -r "$ROOT/requirements/pip.txt" -r "$ROOT/requirements/run.txt" -w "$wheels"
    printf '%s\n' "$stamp" >"$wheels/.stamp"
  fi
  # From a copy: building leaves directories in its sources, and these are somebody's checkout.
  local sources=$build/sources
  rm -rf -- "$sources" "$wheels"/voice_appliance-*.whl
  mkdir -- "$sources"
  cp -R -- "$ROOT/appliance" "$ROOT/pyproject.toml" "$ROOT/README.md" "$ROOT/LICENSE" "$sources"
  find "$sources" -name __pycache__ -prune -exec rm -rf -- {} +
  quietly "$build/bin/python" -m pip wheel --disable-pip-version-check --no-deps --no-build-isolation "$sources" -w "$wheels"
  rm -rf -- "$build"
}

# A complete release with the very same packages. Its files are linked, not unpacked again: no file
# of a release is ever written to, an update takes seconds, and three releases take the room of one.
twin() {
  local other
  for other in $(complete_releases); do
    [[ -e $RELEASES/$other/venv/.complete && $(<"$RELEASES/$other/venv/.complete") == "$(environment_stamp)" ]] &&
      { printf '%s' "$RELEASES/$other" && return; }
  done
  return 1
}

install_wheels() {
  pip_install "$release/venv" --no-index --no-deps --no-warn-script-location "$@"
}

# Without ensurepip, which Debian has in a package of its own: pip installs itself from its wheel.
bring_pip() {
  local -a wheel=("$1"/pip-*.whl)
  PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore quietly "$release/venv/bin/python" "${wheel[0]}/pip" \
    install --no-index --no-deps --no-warn-script-location "${wheel[0]}"
}

do_environment() {
  local wheels=$bundle/wheels other
  if [[ -z $bundle ]]; then
    wheels=$PREFIX/wheels
    make_wheels "$wheels"
    rm -rf -- "$CACHES"
  fi
  quietly "$python" -m venv --clear --without-pip "$release/venv"
  if other=$(twin); then
    cp -al -- "$other"/venv/lib/python3*/site-packages/. "$release"/venv/lib/python3*/site-packages
    cp -- "$other"/venv/.gpu* "$release/venv"
    # pip puts new files in place of those it takes away; it never writes into one.
    install_wheels --force-reinstall "$wheels"/voice_appliance-*.whl
  else
    bring_pip "$wheels"
    install_wheels "$wheels"/*.whl
    install_gpu_wheels
  fi
  [[ -n $bundle ]] || rm -rf -- "$wheels"
  quietly "$release/venv/bin/appliance" --version
  chmod -R go=rX -- "$release/venv"
  environment_stamp >"$release/venv/.complete"
}

# ── seal ─────────────────────────────────────────────────────────────────────────────────────

# list_files DIRECTORY: its files and their hashes. Bytecode is left out: it is made from the rest.
list_files() {
  (cd -- "$1" && find . -name __pycache__ -prune -o -type f ! -path ./MANIFEST.sha256 -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum)
}

check_seal() {
  release_is_complete && return
  todo='seal it with the hashes of its files'
  return 1
}

do_seal() {
  rm -f -- "$release/.laid-out"
  list_files "$release" >"$PREFIX/.manifest"
  sync -f -- "$release"
  mv -f -- "$PREFIX/.manifest" "$release/MANIFEST.sha256"
}

is_intact() { (cd -- "$1" && sha256sum --status --check MANIFEST.sha256 2>/dev/null); }

# The present one, the one before, and one more.
prune_releases() {
  local current previous name kept=1
  current=$(current_release)
  previous=$(cat -- "$PREFIX/previous" 2>/dev/null || true)
  # shellcheck disable=SC2012,SC2045  # names of our own making
  for name in $(ls -1t -- "$RELEASES"); do
    [[ $name == "$current" || $name == "$previous" || $RELEASES/$name == "$release" ]] && continue
    if [[ -e $RELEASES/$name/MANIFEST.sha256 ]] && ((kept > 0)); then
      kept=$((kept - 1))
      continue
    fi
    rm -rf -- "${RELEASES:?}/$name"
  done
}
