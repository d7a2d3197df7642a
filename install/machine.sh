# shellcheck shell=bash
# A part of install.sh: what the machine has to bring, and the Debian packages that are missing.

check_machine() {
  [[ $(uname -s) == Linux ]] || die "this needs Linux; here is $(uname -s)"
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) die "this needs an x86-64 or arm64 processor; here is $(uname -m)" ;;
  esac
}

check_space() {
  local free
  free=$(df -Pk -- "$ROOT" | awk 'NR == 2 { print int($4 / 1024) }')
  ((free >= 2500)) || die "2500 MB of free disk space are needed below $ROOT; there are $free"
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo "$@"
  fi
}

may_become_root() {
  ((EUID == 0)) || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; }
}

# Installs Debian packages. The callers have found out that these, and no others, are missing.
install_packages() {
  (($#)) || return 0
  command -v apt-get >/dev/null || die "this machine has no apt-get; install what corresponds to: $*"
  may_become_root || die "these packages are missing; ask somebody with the right to: apt-get install $*"
  step "Installing with apt-get: $*"
  local -a quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
  quietly as_root "${quiet[@]}" update
  quietly as_root "${quiet[@]}" install -y --no-install-recommends "$@"
  # The package starts an nginx of its own on port 80; nobody asked for that one.
  if [[ " $* " == *' nginx '* && -d /run/systemd/system ]]; then
    quietly as_root systemctl disable --now nginx
  fi
}

# The packages of those commands that are not there: `missing COMMAND=PACKAGE…`.
missing() {
  local pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || printf '%s\n' "${pair#*=}"
  done
}

install_missing() {
  local -a packages
  mapfile -t packages < <(missing "$@")
  install_packages "${packages[@]}"
}

# Two installations at once would ruin each other's environment.
install_lock() {
  mkdir -p -- "$ROOT/.run"
  exec 8>"$ROOT/.run/install.lock"
  flock -n 8 || { say "Waiting for another install.sh to finish installing…" && flock 8; }
}
install_unlock() { exec 8>&-; }
