#!/usr/bin/env bash
# render.sh SITE KEY=VALUE…
# Writes the site into the directory SITE. site.conf says what the keys are; TLS is needed, and
# USER ("user NAME;", or nothing) where main.conf is wanted. SITE and IPV6 are found here.
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

fingerprint() {
  openssl x509 -in "$1/ca.crt" -noout -fingerprint -sha256 | cut -d= -f2
}

# A machine without IPv6 refuses to listen on [::], and one asked for a single IPv4 address
# should not listen there either.
without_ipv6() {
  [[ ! -e /proc/net/if_inet6 || $1 != 0.0.0.0 ]] && printf '# '
  return 0
}

main() {
  local site=$1 file pair tls='' address=0.0.0.0
  shift
  for pair in "$@"; do
    case $pair in
      TLS=*) tls=${pair#TLS=} ;;
      ADDRESS=*) address=${pair#ADDRESS=} ;;
    esac
  done
  mkdir -p -- "$site"
  for file in main.conf site.conf headers.conf proxy.conf ca.conf trust.json; do
    [[ $file == main.conf && ! " $*" == *" USER="* ]] && continue
    "$here/fill.sh" "$here/$file" "$@" SITE="$site" ADDRESS="$address" \
      IPV6="$(without_ipv6 "$address")" FINGERPRINT="$(fingerprint "$tls")" >"$site/$file.new"
    mv -f -- "$site/$file.new" "$site/$file"
  done
}

main "$@"
