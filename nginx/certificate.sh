#!/usr/bin/env bash
# certificate.sh DIRECTORY [OPTION]…
# A local CA (made once) and a certificate for every name and LAN address of this machine, in
# DIRECTORY: ca.key ca.crt ca.cer server.key server.crt names hosts. Prints what it did: made,
# renewed or unchanged. Renews when a name or address changed or fewer than 60 days are left.
#
#   --host NAME            instead of the machine's own
#   --address ADDRESS      instead of those of the machine; again for each
#   --no-name-constraints  a CA that may sign for everything, for a phone that refuses the other
#   --tls-cert FILE --tls-key FILE
#                          a certificate of one's own: checked, linked to, and no CA is made
#
# Options are kept in DIRECTORY and hold until the next ones; --local takes all of them back.
#
#   --new-authority        replaces the local CA, now and once
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=nginx/authority.sh
. "$here/authority.sh"
# shellcheck source=nginx/own.sh
. "$here/own.sh"

readonly LEAF_DAYS=397 # what browsers accept at most from anybody
readonly EARLIEST=1767225600 # 2026-01-01
readonly SPARE_SECONDS=$((60 * 86400))

say() { printf 'certificate: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# A board without a clock battery may wake in the past, and a certificate from the past is no use.
# The date of this file says more than EARLIEST, unless the file was copied by that same clock.
check_clock() {
  local built
  built=$(stat -c %Y -- "$here/certificate.sh")
  (($(date +%s) > EARLIEST)) || die "the clock says $(date -I), which is before this program was made; set it first"
  (($(date +%s) > built - 86400)) || [[ $(synchronised) == yes ]] ||
    die "the clock says $(date -I), which is before this program was made; set it first (timedatectl)." \
      "If it is right, a clock that was ahead has dated this program: touch $here/certificate.sh"
}

# The machine's name as a DNS label, or nothing where it is none.
host_name() {
  local name
  name=$(hostname) && name=${name,,} && name=${name%%.*}
  [[ $name =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] && printf '%s' "$name"
  return 0
}

# What a browser in the house can reach; containers' bridges are not.
machine_addresses() {
  if command -v ip >/dev/null; then
    ip -o addr show up scope global 2>/dev/null |
      awk '$2 !~ /^(docker|br-|veth|virbr)/ && !/temporary|deprecated/ { sub(/\/.*/, "", $4); print $4 }'
  else
    hostname -I | tr ' ' '\n'
  fi
}

is_local_address() {
  [[ $1 =~ ^(10|127)\. || $1 =~ ^(192\.168|169\.254)\. || $1 =~ ^172\.(1[6-9]|2[0-9]|3[01])\. ||
    $1 =~ ^100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\. || ${1,,} =~ ^f[cd][0-9a-f]{2}: ]]
}

# Every name and address under which the machine is asked for, one a line, in a stable order.
machine_hosts() {
  local host=$1
  shift
  printf 'DNS:localhost\nIP:127.0.0.1\nIP:::1\n'
  [[ -z $host ]] || printf 'DNS:%s\nDNS:%s.local\n' "$host" "$host"
  (($# == 0)) || printf 'IP:%s\n' "$@" | sort -u | grep -vxF 'IP:127.0.0.1' || true
}

# Those of the hosts that the CA may sign for.
signed_names() {
  local name
  while IFS= read -r name; do
    if ! is_constrained "$dir/ca.crt"; then
      echo "$name"
    elif [[ $name == IP:* && $name != IP:::1 ]] && ! is_local_address "${name#IP:}"; then
      say "${name#IP:} is no address of a home network; the certificate leaves it out"
    elif [[ $name == DNS:* && $name != DNS:*.local && $name != DNS:localhost && $name != "DNS:$(<"$dir/ca.host")" ]]; then
      # The CA can only sign the bare name it was made with; a new CA would have to be trusted anew.
      say "the CA was made for another host name: https://${name#DNS:} is not covered, https://${name#DNS:}.local is"
    else
      echo "$name"
    fi
  done
}

make_leaf() {
  local host=${1:-localhost} names=$2 work=$3
  new_key "$work/server.key"
  "$here/fill.sh" "$here/server.cnf" HOST="$host" NAMES="$(paste -sd, <<<"$names")" >"$work/server.cnf"
  openssl req -new -sha256 -key "$work/server.key" -config "$work/server.cnf" -out "$work/server.csr"
  openssl x509 -req -sha256 -days "$LEAF_DAYS" -in "$work/server.csr" -set_serial "0x$(openssl rand -hex 16)" \
    -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -extfile "$work/server.cnf" -extensions server \
    -out "$work/server.crt" 2>"$work/log" || die "the certificate was not signed: $(cat -- "$work/log")"
  verifies "$work/server.crt" || die "the new certificate does not verify"
  printf '%s\n' "$names" >"$work/names"
  # The names last: an interrupted renewal is renewed again.
  rm -f -- "$dir/names"
  mv -f -- "$work/server.key" "$work/server.crt" "$dir"
  mv -f -- "$work/names" "$dir"
}

# Whether the CA vouches for a certificate that is valid now, or within the hour.
verifies() { openssl verify -attime "$(($(date +%s) + AHEAD_SECONDS))" -CAfile "$dir/ca.crt" "$1" >/dev/null 2>&1; }

# Why the certificate has to be made anew, in words, or nothing.
why_renew() {
  local names=$1
  if [[ ! -e $dir/names || ! -e $dir/server.crt || ! -e $dir/server.key ]]; then
    echo 'there is none'
  elif [[ -L $dir/server.crt ]]; then
    echo 'the one so far was not of the local CA'
  elif [[ $(<"$dir/names") != "$names" ]]; then
    echo 'the names or addresses of this machine changed'
  elif ! openssl x509 -in "$dir/server.crt" -noout -checkend "$SPARE_SECONDS" >/dev/null; then
    echo 'fewer than 60 days are left'
  elif ! verifies "$dir/server.crt"; then
    echo 'the CA or the clock changed'
  fi
}

# A certificate of the local CA for the hosts of $hosts.
by_local_ca() {
  local names reason
  ensure_ca
  names=$(signed_names <<<"$hosts" 2>"$work/notes")
  reason=$(why_renew "$names")
  [[ -n $reason ]] || return 0
  check_clock
  cat -- "$work/notes" >&2
  say "making the certificate: $reason"
  make_leaf "$host" "$names" "$work"
  [[ $result == made ]] || result=renewed
}

parse() {
  while (($#)); do
    case $1 in
      --host) host=${2?} && shift ;;
      --address) addresses+=("${2?}") && shift ;;
      --tls-cert) own_certificate=$(realpath -e -- "${2?}") || die "there is no file $2" && shift ;;
      --tls-key) own_key=$(realpath -e -- "${2?}") || die "there is no file $2" && shift ;;
      --no-name-constraints) constrained='' ;;
      --local) ;;
      *) die "unknown option $1" ;;
    esac
    shift
  done
  [[ -n $own_certificate && -n $own_key || -z $own_certificate$own_key ]] || die "--tls-cert and --tls-key belong together"
}

main() {
  local host work hosts result=unchanged constrained=yes own_certificate='' own_key='' new_authority=''
  local option
  local -a addresses=() options=() kept=()
  dir=${1:?the directory of the certificate}
  shift
  for option in "$@"; do
    if [[ $option == --new-authority ]]; then new_authority=yes; else kept+=("$option"); fi
  done
  # nginx hands out the CA as another user, whatever whoever calls this lets others read.
  umask 022
  mkdir -p -- "$dir"
  options=("${kept[@]}")
  ((${#kept[@]})) || { [[ ! -e $dir/options ]] || mapfile -t options <"$dir/options"; }
  host=$(host_name)
  parse "${options[@]}"
  [[ -z $new_authority || -z $own_certificate ]] || die "--new-authority is for a local CA; --local goes back to one"
  ((${#addresses[@]})) || mapfile -t addresses < <(machine_addresses | sed '/^$/d')
  exec 7>"$dir/.lock"
  flock -w 60 7 || die "another run holds $dir/.lock"
  rm -rf -- "$dir"/.new-* # of runs that were killed
  work=$(mktemp -d -- "$dir/.new-XXXXXX")
  # shellcheck disable=SC2064  # the directory of now, not of then
  trap "rm -rf -- '$work'" EXIT

  hosts=$(machine_hosts "$host" "${addresses[@]}")
  if [[ -n $own_certificate ]]; then by_own_certificate; else by_local_ca; fi
  # Who may be asked for is more than what the CA may sign for.
  if [[ ! -e $dir/hosts || $(<"$dir/hosts") != "$hosts" ]]; then
    [[ $result == made ]] || result=renewed
    keep hosts "$hosts"
  fi
  ((${#kept[@]} == 0)) || keep options "$(printf '%s\n' "${kept[@]}")"
  echo "$result"
}

# keep FILE TEXT: in the directory, at once and whole.
keep() {
  printf '%s\n' "$2" >"$work/$1"
  mv -f -- "$work/$1" "$dir"
}

main "$@"
