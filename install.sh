#!/usr/bin/env bash
# Voice Appliance: makes a machine the appliance, or runs or tests it. ./install.sh --help says more.
set -Eeuo pipefail
shopt -s inherit_errexit
umask 022

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
VENV=$ROOT/.venv
TOOLS=$ROOT/.run/tools
PATH=$PATH:/usr/sbin:/sbin # where Debian keeps nginx, outside an ordinary user's path
readonly ROOT VENV TOOLS

usage() {
  cat <<'TEXT'
Usage: sudo ./install.sh [install] [OPTION]...     make this machine the appliance
       ./install.sh COMMAND [OPTION]...

  install    checks everything, then installs what is missing; run again, it changes nothing
  update     to this checkout, or to a bundle; goes back by itself where that does not work
  rollback   back to the release before
  uninstall  takes it away; --purge: with conversations, models and settings
  bundle     everything in one archive, for machines without a network

  run     install what is missing, then run nginx and the appliance until Ctrl-C
  test    install what the tests need, then run all of them
  lock    write requirements/*.txt anew (--upgrade: to the newest versions allowed)

install, update:
  --dry-run          say what would be done, and do nothing
  --yes              ask nothing
  --offline BUNDLE   from a bundle, without a network
  --wheels DIR       wheels with code for the GPU, and SHA256SUMS beside them; they are kept
                     for later runs; none: no longer
  --retry-gpu        try a GPU again that did not answer
  --models NAMES     models to fetch (recommended): names, or none
  --tls-cert FILE --tls-key FILE
                     a certificate of your own instead of a local one; --tls-local: no longer
  --no-name-constraints
                     a local CA without limits, for a phone that refuses the other;
                     --name-constraints: no longer
  --new-authority    a new local CA, which every browser has to trust anew
  --https-port N --http-port N
                     where the page is (443), where the certificate is explained (80)
  --bind ADDRESS     the IPv4 address that nginx listens on (0.0.0.0: all)
  --no-nginx         a server of your own stands before the appliance; --nginx: no longer
  --power MODE       power mode of a Jetson, by name, from every boot on; none: no longer
  --ready-seconds N  how long loading the models may take (300)

bundle:
  --output FILE      where to
  --models NAMES     models to put in
  --wheels DIR       wheels with code for the GPU to put in, instead of those for this board
  --with-python      and a Python, for systems whose own is too old
  --sign KEY         sign it with an SSH key

run:
  --config FILE      a configuration file over the defaults; may be given several times
  --https-port N     the page and the API (8443)
  --http-port N      the page that explains how to trust the certificate (8081)
  --port N           the appliance itself, on 127.0.0.1 behind nginx (8080)
  --bind ADDRESS     the IPv4 address that nginx listens on (0.0.0.0: all)
  --models NAMES     models to fetch beside it (recommended): names, or none
  --run-dir DIR      where the database, models, certificates and logs stand (.run)

test:
  --fast             leave out the browser, load and system tests, what measures, and the
                     released models
  --campaign         instead: the table of docs/reliability.md; --scale 0.01 for a short one, and
                     --output DIR for a table elsewhere
  --arm64            instead: install it in an emulated Debian for arm64, and test it there
  everything else goes to pytest

APPLIANCE__SECTION__KEY in the environment reaches the appliance and wins over every file.
TEXT
}

# ── Saying what happens ──────────────────────────────────────────────────────────────────────

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
  readonly BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  readonly BOLD='' RED='' PLAIN=''
fi

say() { printf '%s\n' "$*" >&2; }
step() { printf '%s%s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }
warn() { printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2; }
die() {
  warn "install.sh: $*"
  exit 1
}
misused() {
  warn "install.sh: $*"
  say "Try ./install.sh --help"
  exit 2
}

# Runs a command whose output matters only if it fails.
quietly() {
  local log code=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || code=$?
  ((code == 0)) || tail -n 60 -- "$log" >&2
  rm -f -- "$log"
  ((code == 0)) || die "failed with exit status $code: $*"
}

# shellcheck source=install/machine.sh
source "$ROOT/install/machine.sh"
# shellcheck source=install/python.sh
source "$ROOT/install/python.sh"
# shellcheck source=install/page.sh
source "$ROOT/install/page.sh"
# shellcheck source=install/run.sh
source "$ROOT/install/run.sh"
# shellcheck source=install/emulation.sh
source "$ROOT/install/emulation.sh"
# shellcheck source=install/test.sh
source "$ROOT/install/test.sh"
# shellcheck source=install/steps.sh
source "$ROOT/install/steps.sh"
# shellcheck source=install/device.sh
source "$ROOT/install/device.sh"
# shellcheck source=install/checks.sh
source "$ROOT/install/checks.sh"
# shellcheck source=install/system.sh
source "$ROOT/install/system.sh"
# shellcheck source=install/release.sh
source "$ROOT/install/release.sh"
# shellcheck source=install/jetson.sh
source "$ROOT/install/jetson.sh"
# shellcheck source=install/site.sh
source "$ROOT/install/site.sh"
# shellcheck source=install/service.sh
source "$ROOT/install/service.sh"
# shellcheck source=install/update.sh
source "$ROOT/install/update.sh"
# shellcheck source=install/uninstall.sh
source "$ROOT/install/uninstall.sh"
# shellcheck source=install/bundle.sh
source "$ROOT/install/bundle.sh"

main() {
  # Without a command it installs.
  [[ $# -gt 0 && ($1 != --* || $1 == --help) ]] || set -- install "$@"
  local what=$1
  shift
  if [[ $what != run && $what != test ]]; then
    report_surprises
    # A bundle in which Python had left its bytecode would not be what its manifest says any more.
    export PYTHONDONTWRITEBYTECODE=1
  fi
  case $what in
    install | update) keep_caches_apart && install_device "$what" "$@" ;;
    rollback) rollback_device "$@" ;;
    uninstall) uninstall_device "$@" ;;
    bundle) make_bundle "$@" ;;
    # For the installer itself.
    activate) activate "$@" ;;
    end-probation) end_probation "$@" ;;
    run) run_appliance "$@" ;;
    test) run_tests "$@" ;;
    lock) lock "$@" ;;
    -h | --help | help) usage ;;
    *) misused "there is no command '$what'" ;;
  esac
}

# Sourced, it only lends its steps (the tests do that).
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main "$@"
fi
