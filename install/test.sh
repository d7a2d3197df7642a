# shellcheck shell=bash disable=SC2164  # install.sh has set -e
# A part of install.sh: all tests, and the lock files.

find_chromium() {
  local candidate
  for candidate in "${CHROMIUM:-chromium}" chromium chromium-browser google-chrome google-chrome-stable; do
    # Ubuntu's package is a stand-in that runs nothing without snapd, so it is asked.
    if candidate=$(command -v "$candidate") && "$candidate" --version >/dev/null 2>&1; then
      printf '%s' "$candidate"
      return
    fi
  done
  return 1
}

ensure_chromium() {
  local -a packages=()
  [[ -n $(fc-list 2>/dev/null) ]] || packages=(fontconfig fonts-dejavu-core)
  if ! find_chromium >/dev/null; then
    if apt-cache show chromium >/dev/null 2>&1; then
      packages+=(chromium)
    else
      step "Bringing Chromium through Playwright; this distribution has no package of it"
      quietly "$VENV/bin/playwright" install --with-deps chromium
    fi
  fi
  install_packages "${packages[@]}"
  # Playwright finds its own; any other is named to the tests.
  if CHROMIUM=$(find_chromium); then export CHROMIUM; else unset CHROMIUM; fi
}

# From the package that Debian has; where there is none, the one test of it is left out.
ensure_firefox() {
  [[ -z $(type -P firefox-esr firefox) ]] || return 0
  ! apt-cache show firefox-esr >/dev/null 2>&1 || install_packages firefox-esr
}

# check NAME COMMAND…: runs all of them, so that one run tells everything that is wrong.
check() {
  local name=$1
  shift
  step "── $name"
  "$@" </dev/null || failures+=("$name")
}

# The whole installation in an emulated Debian for arm64; takes a quarter of an hour.
test_arm64() {
  check_machine
  emulate_arm64
  install_lock
  prepare_system_tests
  ensure_venv test
  ensure_page
  install_unlock
  cd -- "$ROOT"
  # Should this script be killed, so are the tests, and the machine that they have booted.
  setpriv --pdeathsig KILL "$VENV/bin/python" -m pytest -m emulation --capture=no --verbose tests/system "$@" </dev/null ||
    die 'the appliance does not work on arm64; above is where'
  step "It works on arm64."
}

# What boots other machines, and gives them a network.
prepare_system_tests() { install_missing debootstrap=debootstrap ip=iproute2 setpriv=util-linux slirp4netns=slirp4netns buildah=buildah; }

# What reads the units and the rules as their users do. Debian's Prometheus comes as a service: where
# systemd would start it, the tests with promtool are left out unless it is there.
prepare_readers() {
  install_missing systemd-analyze=systemd
  [[ -d /run/systemd/system ]] || install_missing promtool=prometheus
}

# What nearly every test needs.
prepare_tests() {
  install_missing nginx=nginx openssl=openssl hostname=hostname setpriv=util-linux curl=curl \
    shellcheck=shellcheck ssh-keygen=openssh-client espeak-ng=espeak-ng flite=flite sox=sox
}

run_pytest() { "$VENV/bin/python" -m pytest "$@"; }

# spread_pytest PROCESSES …: pytest in several processes. A file stays in one of them, as its tests may
# share a daemon; files are taken in the order of their names, since by the number of their tests the
# slowest would come last.
spread_pytest() { run_pytest -n "$1" --dist loadfile --no-loadscope-reorder "${@:2}"; }

# All tests, in half of the time: machines that boot do so beside tests that mind nobody, of which one
# more runs than there are processors, since most of their time is waiting; then those that only wait
# run beside each other, and those that measure have the processors to themselves.
run_all_tests() {
  local log booting
  log=$(mktemp)
  step '── pytest: machines that boot (shown when they are done), and beside them'
  # A shell's background ignores Ctrl-C; this one is to end with the rest.
  env --default-signal=INT "$VENV/bin/python" -m pytest -m 'system and not emulation' >"$log" 2>&1 </dev/null &
  booting=$!
  check 'pytest: what minds no company' \
    spread_pytest $(($(nproc) + 1)) -m 'not system and not browser and not load and not alone and not waits'
  check 'pytest: machines that boot' wait "$booting"
  cat -- "$log"
  rm -f -- "$log"
  # Each group of them has a daemon of its own.
  check 'pytest: what waits' run_pytest -n 3 --dist loadgroup -m 'waits and not system'
  check 'pytest: what measures' run_pytest -m '(browser or load or alone) and not waits and not system'
}

# What needs neither much time nor the processors for itself.
run_fast_tests() {
  spread_pytest "$(nproc)" \
    -m 'not browser and not emulation and not load and not slow and not alone and not waits and not system and not released' "$@"
}

# The faults of docs/reliability.md, counted; hours, or as long as --scale and --minutes say.
test_campaign() {
  check_machine
  install_lock
  prepare_tests
  install_missing unshare=util-linux mkfs.ext4=e2fsprogs ip=iproute2
  ensure_venv test
  ensure_page
  install_unlock
  cd -- "$ROOT"
  "$VENV/bin/python" -m tests.campaign "$@" || die 'something was lost; the table says what'
}

run_tests() {
  if [[ ${1:-} == --campaign ]]; then
    shift
    test_campaign "$@"
    return
  fi
  if [[ ${1:-} == --arm64 ]]; then
    shift
    test_arm64 "$@"
    return
  fi
  local fast=''
  [[ ${1:-} == --fast ]] && fast=yes && shift
  local -a failures=()
  check_machine
  install_lock
  prepare_tests
  [[ -n $fast ]] || { prepare_system_tests && prepare_readers; }
  ensure_venv test
  ensure_page
  ensure_node_modules
  [[ -n $fast ]] || ensure_chromium
  [[ -n $fast ]] || ensure_firefox
  install_unlock
  cd -- "$ROOT"
  check 'ruff check' "$VENV/bin/ruff" check
  check 'ruff format' "$VENV/bin/ruff" format --check
  check 'mypy' "$VENV/bin/mypy"
  check 'shellcheck' shellcheck -x -a install.sh nginx/*.sh nginx/network/*.sh install/*.sh jetson/*.sh systemd/*.sh tests/system/*.sh .ci/run
  check 'page: unit tests' run_npm test
  if [[ -n $fast ]]; then
    check 'pytest' run_fast_tests "$@"
  elif [[ $# -gt 0 ]]; then
    check 'pytest' run_pytest -m 'not emulation' "$@"
  else
    run_all_tests
  fi
  ((${#failures[@]} == 0)) || die "failed: $(printf '%s; ' "${failures[@]}")"
  step "All of it passed."
}

lock() {
  [[ $# -eq 0 || ($# -eq 1 && $1 == --upgrade) ]] || misused "lock takes --upgrade or nothing"
  install_lock
  install_missing python3=python3
  tool_venv uv "Bringing uv, which resolves the locks"
  cd -- "$ROOT"
  local -a compile=("$TOOLS/uv/bin/uv" pip compile --universal --python-version 3.11 --generate-hashes
    --custom-compile-command './install.sh lock' "$@")
  local name
  quietly "${compile[@]}" pyproject.toml --extra llm -o requirements/run.txt
  quietly "${compile[@]}" pyproject.toml --extra llm --extra test -c requirements/run.txt -o requirements/test.txt
  for name in build node pip sbom uv; do
    quietly "${compile[@]}" "requirements/$name.in" -o "requirements/$name.txt"
  done
  say "requirements/*.txt are written; look at the difference before you commit it."
}
