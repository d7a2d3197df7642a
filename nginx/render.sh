#!/usr/bin/env bash
# render.sh SITE KEY=VALUE…
# Writes the site into the directory SITE, and the keys beside it, so that renew.sh can write it
# again. site.conf says what the keys are; ADDRESS, HTTPS_PORT, HTTP_PORT, UPSTREAM, PAGE, TLS and
# LOG are asked for, USER ("user NAME;", or nothing) where main.conf is wanted, and ORIGINS, further
# pages that may connect, separated by spaces. The others are found here, from the files in TLS.
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

declare -A given=([ADDRESS]=0.0.0.0 [HTTPS_PORT]=443 [HTTP_PORT]=80 [ORIGINS]='')

die() {
  echo "render.sh: $*" >&2
  exit 2
}

# A machine without IPv6 refuses to listen on [::], and one asked for a single IPv4 address
# should not listen there either.
without_ipv6() {
  [[ ! -e /proc/net/if_inet6 || ${given[ADDRESS]} != 0.0.0.0 ]] && printf '# '
  return 0
}

# Every name and address of the machine as it stands in a Host header.
hosts() {
  sed -nE 's/^DNS:(.+)/\1/p; s/^IP:([^:]+)$/\1/p; s/^IP:(.*:.*)$/[\1]/p' "${given[TLS]}/hosts"
}

# Patterns, because plain ones go into a hash with room for as much as a processor's cache has in a
# line: names of fourteen letters on some, and the size is not ours to set.
hosts_map() { hosts | sed -E 's/[].[]/\\&/g; s/.*/"~^&$" 0;/'; }

origins_map() {
  local origin
  for origin in ${given[ORIGINS]}; do
    [[ $origin =~ ^https?://[][A-Za-z0-9._:-]+$ ]] || die "$origin is no origin, such as https://box.lan:8443"
    sed -E 's/[].[]/\\&/g; s/.*/"~^& " listed;/' <<<"$origin"
  done
}

# Of the certificate's names the one to open. Of the local CA's a number, because .local names do not
# work on every telephone; that of a tunnel comes after those of the house. One's own certificate is
# for a name.
best_host() {
  local found='' own=1
  ! has_authority || own=0
  [[ ${given[ADDRESS]} != 0.0.0.0 ]] ||
    found=$(awk -F: -v own="$own" '
      /^DNS:localhost$|^IP:127\.|^DNS:\*/ { next }
      /^IP:[0-9.]+$/ { print ($2 ~ /^(100|169\.254)\./ ? 2 : 1), $2 }
      /^DNS:/ { print (own ? 0 : /\.local$/ ? 3 : 4), $2 }
    ' "${given[TLS]}/names" | sort -s -n -k1,1 | sed -n '1s/^. //p')
  printf '%s' "${found:-localhost}"
}

# A certificate of the owner's own is a link, and nobody has to be told to trust its CA.
has_authority() { [[ -e ${given[TLS]}/ca.crt && ! -L ${given[TLS]}/server.crt ]]; }

# What the trust page tells of the local CA; empty where there is none.
authority_keys() {
  local ca=${given[TLS]}/ca.crt print='' id
  if has_authority; then
    print=$(openssl x509 -in "$ca" -noout -fingerprint -sha256 | cut -d= -f2)
    id=${print//:/}
    keys+=(WORDS="$("$here/words.sh" "$ca")" ID="${id:0:12}" CERTIFICATE="$(base64 -w0 <"${given[TLS]}/ca.cer")"
      OUTER_UUID="$(uuid "${id:0:32}")" INNER_UUID="$(uuid "${id:32:32}")")
  else
    keys+=(WORDS='')
  fi
  keys+=(FINGERPRINT="$print")
}

uuid() { printf '%s-%s-%s-%s-%s' "${1:0:8}" "${1:8:4}" "${1:12:4}" "${1:16:4}" "${1:20:12}"; }

# Files that a worker of main.conf may have open: 8192, or as many as whoever starts it may.
files() {
  local most
  most=$(ulimit -Hn)
  [[ $most != unlimited ]] && ((most < 8192)) || most=8192
  printf '%s' "$most"
}

# write FILE: its standard input, at once and whole.
write() {
  cat >"$site/$1.new"
  mv -f -- "$site/$1.new" "$site/$1"
}

render() {
  local file
  for file in main.conf site.conf headers.conf proxy.conf socket.conf ca.conf profile.conf trust.json avahi.service \
    profile.mobileconfig; do
    [[ $file != main.conf || -v given[USER] ]] || continue
    [[ $file != profile.mobileconfig ]] || has_authority || continue
    "$here/fill.sh" "$here/$file" "${keys[@]}" | write "${file/#profile.mobile/voice-appliance.mobile}"
  done
}

main() {
  local key suffix='' host origins
  site=$1
  shift
  for key in "$@"; do given[${key%%=*}]=${key#*=}; done
  for key in UPSTREAM PAGE TLS LOG; do [[ -n ${given[$key]-} ]] || die "$key=… is missing"; done
  [[ ${given[HTTPS_PORT]} == 443 ]] || suffix=:${given[HTTPS_PORT]}
  # What cannot be is told before anything is written.
  origins=$(origins_map)
  host=$(best_host)
  keys=(SITE="$site" SUFFIX="$suffix" HOME="https://$host$suffix" HOST="$host" IPV6="$(without_ipv6)"
    NAMES="$(hosts | paste -sd' ')" FILES="$(files)" CONNECTIONS="$(($(files) / 2))")
  for key in "${!given[@]}"; do keys+=("$key=${given[$key]}"); done
  authority_keys
  # nginx's workers are another user, whatever whoever calls this lets others read.
  umask 022
  mkdir -p -- "$site"
  hosts_map | write hosts.map
  printf '%s' "${origins:+$origins$'\n'}" | write origins.map
  render
  printf '%s\n' "$@" | write parameters
}

main "$@"
