#!/usr/bin/env bash
# Voice Appliance: installs what is missing, then runs or tests it. ./install.sh --help says more.
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
Usage: ./install.sh COMMAND [OPTION]...

  run     install what is missing, then run nginx and the appliance until Ctrl-C
  test    install what the tests need, then run all of them
  lock    write requirements/*.txt anew (--upgrade: to the newest versions allowed)

run:
  --config FILE      a configuration file over the defaults; may be given several times
  --https-port N     the page and the API (8443)
  --http-port N      the page that explains how to trust the certificate (8081)
  --port N           the appliance itself, on 127.0.0.1 behind nginx (8080)
  --bind ADDRESS     the IPv4 address that nginx listens on (0.0.0.0: all)
  --run-dir DIR      where the database, models, certificates and logs stand (.run)

test:
  --fast             leave out the browser, emulation and load tests
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
# shellcheck source=install/test.sh
source "$ROOT/install/test.sh"

main() {
  local what=${1:-}
  (($# == 0)) || shift
  case $what in
    run) run_appliance "$@" ;;
    test) run_tests "$@" ;;
    lock) lock "$@" ;;
    -h | --help | help) usage ;;
    '') usage >&2 && exit 2 ;;
    *) misused "there is no command '$what'" ;;
  esac
}

# Sourced, it only lends its steps (the tests do that).
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  main "$@"
fi
