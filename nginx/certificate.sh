#!/usr/bin/env bash
# certificate.sh DIRECTORY [--host NAME] [--address ADDRESS]…
# A local CA (made once) and a certificate for every name and LAN address of this machine, in
# DIRECTORY: ca.key ca.crt ca.cer server.key server.crt names. Prints what it did: made, renewed
# or unchanged. Renews when a name or address changed or fewer than 60 days are left.
# Without --address it asks the machine.
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

readonly CA_DAYS=3650
readonly LEAF_DAYS=397 # what browsers accept at most from anybody
readonly SPARE_SECONDS=$((60 * 86400))

say() { printf 'certificate: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# A board without a clock battery may wake in the past, and a certificate from the past is no use.
check_clock() {
  local built
  built=$(stat -c %Y -- "${BASH_SOURCE[0]}")
  (($(date +%s) > built - 86400)) || die "the clock says $(date -I), which is before this program was made; set it first"
}

# The machine's name as a DNS label, or nothing where it is none.
host_name() {
  local name
  name=$(hostname) && name=${name,,} && name=${name%%.*}
  [[ $name =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] && printf '%s' "$name"
  return 0
}

# What a browser in the house can reach and the CA may sign for; containers' bridges are neither.
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

# The names of the certificate, one a line, in a stable order.
wanted_names() {
  local host=$1 address
  shift
  printf 'DNS:localhost\nIP:127.0.0.1\nIP:::1\n'
  if [[ -n $host ]]; then
    printf 'DNS:%s.local\n' "$host"
    # The CA can only sign the bare name it was made with; a new CA would have to be trusted anew.
    if [[ $host == "$(cat -- "$dir/ca.host")" ]]; then
      printf 'DNS:%s\n' "$host"
    else
      say "the CA was made for another host name: https://$host is not covered, https://$host.local is"
    fi
  fi
  for address in "$@"; do
    if is_local_address "$address"; then
      printf 'IP:%s\n' "$address"
    else
      say "$address is no address of a home network; the certificate leaves it out"
    fi
  done | sort -u | grep -vxF 'IP:127.0.0.1' || true
}

new_key() {
  (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$1")
}

make_ca() {
  local host=${1:-localhost} work=$2
  new_key "$work/ca.key"
  "$here/fill.sh" "$here/ca.cnf" HOST="$host" ID="$(openssl rand -hex 3)" >"$work/ca.cnf"
  openssl req -x509 -new -sha256 -days "$CA_DAYS" -key "$work/ca.key" -config "$work/ca.cnf" -out "$work/ca.crt"
  openssl x509 -in "$work/ca.crt" -outform DER -out "$work/ca.cer"
  printf '%s\n' "$host" >"$work/ca.host"
  # The key last: while it is missing, the CA counts as not made.
  mv -f -- "$work/ca.crt" "$work/ca.cer" "$work/ca.host" "$dir"
  mv -f -- "$work/ca.key" "$dir"
}

make_leaf() {
  local host=${1:-localhost} names=$2 work=$3
  new_key "$work/server.key"
  "$here/fill.sh" "$here/server.cnf" HOST="$host" NAMES="$(paste -sd, <<<"$names")" >"$work/server.cnf"
  openssl req -new -sha256 -key "$work/server.key" -config "$work/server.cnf" -out "$work/server.csr"
  openssl x509 -req -sha256 -days "$LEAF_DAYS" -in "$work/server.csr" -set_serial "0x$(openssl rand -hex 16)" \
    -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -extfile "$work/server.cnf" -extensions server \
    -out "$work/server.crt" 2>"$work/log" || die "the certificate was not signed: $(cat -- "$work/log")"
  openssl verify -CAfile "$dir/ca.crt" "$work/server.crt" >/dev/null || die "the new certificate does not verify"
  printf '%s\n' "$names" >"$work/names"
  # The names last: an interrupted renewal is renewed again.
  rm -f -- "$dir/names"
  mv -f -- "$work/server.key" "$work/server.crt" "$dir"
  mv -f -- "$work/names" "$dir"
}

# Why the certificate has to be made anew, in words, or nothing.
why_renew() {
  local names=$1
  if [[ ! -e $dir/names || ! -e $dir/server.crt || ! -e $dir/server.key ]]; then
    echo 'there is none'
  elif [[ $(cat -- "$dir/names") != "$names" ]]; then
    echo 'the names or addresses of this machine changed'
  elif ! openssl x509 -in "$dir/server.crt" -noout -checkend "$SPARE_SECONDS" >/dev/null; then
    echo 'fewer than 60 days are left'
  elif ! openssl verify -CAfile "$dir/ca.crt" "$dir/server.crt" >/dev/null 2>&1; then
    echo 'the CA changed'
  fi
}

ca_is_good() {
  [[ -e $dir/ca.key && -e $dir/ca.crt && -e $dir/ca.cer && -e $dir/ca.host ]] &&
    openssl x509 -in "$dir/ca.crt" -noout -checkend "$SPARE_SECONDS" >/dev/null
}

main() {
  dir=${1:?the directory of the certificate}
  shift
  local host='' work reason names done=unchanged
  local -a addresses=()
  host=$(host_name)
  while (($#)); do
    case $1 in
      --host) host=${2?} ;;
      --address) addresses+=("${2?}") ;;
      *) die "unknown option $1" ;;
    esac
    shift 2
  done
  ((${#addresses[@]})) || mapfile -t addresses < <(machine_addresses | sed '/^$/d')
  check_clock
  (umask 022 && mkdir -p -- "$dir")
  work=$(mktemp -d -- "$dir/.new-XXXXXX")
  # shellcheck disable=SC2064  # the directory of now, not of then
  trap "rm -rf -- '$work'" EXIT

  if ! ca_is_good; then
    make_ca "$host" "$work"
    done=made
    say "made a certificate authority; browsers that trusted an older one must trust this one"
  fi
  names=$(wanted_names "$host" "${addresses[@]}" 2>"$work/notes")
  reason=$(why_renew "$names")
  if [[ -n $reason ]]; then
    cat -- "$work/notes" >&2
    say "making the certificate: $reason"
    make_leaf "$host" "$names" "$work"
    [[ $done == made ]] || done=renewed
  fi
  echo "$done"
}

main "$@"
