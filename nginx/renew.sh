#!/usr/bin/env bash
# renew.sh [SITE]
# Looks after the certificate of the site in SITE (/etc/voice-appliance/nginx): where it runs out
# soon, or a name or address of the machine changed, it is made anew, the site is written anew with
# the new names, and nginx reads both. nginx keeps its open connections, and its old settings
# should the new ones be wrong. A timer and every change of an address run this.
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# RELOAD: a command instead of systemd's, where nginx is not a service.
reload() {
  if [[ -n ${RELOAD-} ]]; then
    bash -c "$RELOAD"
  elif systemctl --quiet is-active nginx; then
    systemctl reload nginx
  fi
}

main() {
  local site=${1:-/etc/voice-appliance/nginx} tls result due=''
  local -a parameters
  [[ -e $site/parameters ]] || { echo "renew.sh: there is no site in $site" >&2 && return 1; }
  mapfile -t parameters <"$site/parameters"
  tls=$(printf '%s\n' "${parameters[@]}" | sed -n 's/^TLS=//p')
  # Address changes come in flocks.
  exec 8>"$site/.lock"
  flock -w 60 8
  # Stays where anything fails or is cut off from here on: nginx is then told the next time.
  [[ ! -e $site/.reload-needed ]] || due=yes
  : >"$site/.reload-needed"
  result=$("$here/certificate.sh" "$tls")
  echo "$result"
  # And where somebody else made the certificate.
  if [[ -n $due || $result != unchanged || ! $site/parameters -nt $tls/hosts || ! $site/parameters -nt $tls/server.crt ]]; then
    "$here/render.sh" "$site" "${parameters[@]}"
    reload
  fi
  rm -f -- "$site/.reload-needed"
}

main "$@"
