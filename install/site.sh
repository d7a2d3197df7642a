# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: the certificate, and the site of nginx.

origins=unsaid

# ── certificate ──────────────────────────────────────────────────────────────────────────────

# Whether the machine's names have changed is for the timer to see; it renews the certificate too.
check_certificate() {
  [[ -z $no_nginx ]] || return 0
  todo='make a local certificate authority, and a certificate for the names of this machine'
  [[ -z $tls_cert ]] || todo="use the certificate $tls_cert"
  [[ -e $TLS/server.key && -e $TLS/server.crt && -e $TLS/names && -e $TLS/hosts ]] || return 1
  openssl x509 -in "$TLS/server.crt" -noout -checkend 0 >/dev/null || return 1
  certificate_is_chosen || return 1
  todo='make a new local certificate authority, which every browser has to trust anew'
  [[ -z $new_authority ]]
}

# Whether certificate.sh knows what was chosen here. What was told to itself alone is not touched.
certificate_is_chosen() {
  local told=$TLS/options
  if [[ -n $tls_cert ]]; then
    # Whoever renews it may do that with links of his own: ours leads to where they lead today.
    is_linked "$(realpath -- "$tls_cert")" "$TLS/server.crt" || return 1
    grep -qsxF -e "$tls_cert" "$told" && grep -qsxF -e "$tls_key" "$told" || return 1
  elif [[ -n $tls_local ]]; then
    [[ ! -L $TLS/server.crt ]] || return 1
  fi
  case $name_constraints in
    no) grep -qsxF -e --no-name-constraints "$told" ;;
    yes) ! grep -qsxF -e --no-name-constraints "$told" ;;
  esac
}

do_certificate() {
  local -a options=()
  [[ -z $tls_cert ]] || options+=(--tls-cert "$tls_cert" --tls-key "$tls_key")
  [[ $name_constraints != no ]] || options+=(--no-name-constraints)
  # Told nothing, certificate.sh does as it was told before; here it may be to forget that.
  ((${#options[@]})) || [[ -z $tls_local$name_constraints ]] || options+=(--local)
  [[ -z $new_authority ]] || options+=(--new-authority)
  # nginx has read the one so far.
  [[ ! -e $SITE ]] || : >"$PREFIX/nginx-changed"
  "$ROOT/nginx/certificate.sh" "$TLS" "${options[@]}" >/dev/null || die 'there is no certificate'
  new_authority=''
}

# ── site ─────────────────────────────────────────────────────────────────────────────────────
# The site is rendered into the appliance's own configuration, where the certificate's timer renders
# it again; nginx has links to it.

# Further pages that may connect, as the configuration has them. Where it cannot be read, which is for
# others to say, nginx goes on with those that it has.
read_origins() {
  local programs=$ROOT/venv/bin
  [[ $origins == unsaid ]] || return 0
  # A rehearsal has no release of its own.
  [[ -x $programs/appliance ]] || programs=$PREFIX/current/venv/bin
  origins=''
  [[ -x $programs/appliance ]] || return 0
  origins=$(as_appliance "$programs/appliance" config show | "$programs/python" "$ROOT/install/origins.py") ||
    origins=$(sed -n 's/^ORIGINS=//p' "$SITE/parameters" 2>/dev/null) || origins=''
}

render_site() {
  "$ROOT/nginx/render.sh" "$1" ADDRESS="$bind" HTTPS_PORT="$https_port" HTTP_PORT="$http_port" \
    UPSTREAM="unix:$SOCKET" PAGE="$PREFIX/current/web" TLS="$TLS" LOG="$NGINX_LOG" \
    ORIGINS="$origins"
}

# Whether what stands there is what would be rendered now.
site_is_rendered() {
  local new=$PREFIX/.site file same=0
  rm -rf -- "$new"
  render_site "$new" 2>/dev/null || return 1
  for file in "$new"/*; do
    sed "s|$new|$SITE|g" "$file" | cmp -s -- - "$SITE/${file##*/}" || { same=1 && break; }
  done
  rm -rf -- "$new"
  return "$same"
}

# SOURCE<tab>TARGET<tab>MODE of what others are to know: the network, that the page is here; this
# machine, that its address changed.
announcements() {
  [[ ! -d /etc/avahi/services ]] || printf '%s\t%s\t0644\n' "$SITE/avahi.service" /etc/avahi/services/voice-appliance.service
  local place
  for place in /etc/NetworkManager/dispatcher.d /etc/networkd-dispatcher/routable.d; do
    [[ ! -d $place ]] || printf '%s\t%s\t0755\n' "$ROOT/nginx/network/changed.sh" "$place/90-voice-appliance"
  done
}

# What this machine's nginx and network have of us, where another server was chosen since.
left_behind() {
  local file
  { printf '%s\n' "$NGINX"/sites-{enabled,available}/voice-appliance && announcements | cut -f2; } |
    while read -r file; do [[ ! -e $file && ! -L $file ]] || printf '%s\n' "$file"; done
}

withdraw_site() {
  local file
  for file in $(left_behind); do take_away "$file"; done
  if systemctl -q is-active nginx && nginx -t >/dev/null 2>&1; then quietly systemctl reload nginx; fi
}

check_nginx_site() {
  if [[ -n $no_nginx ]]; then
    todo='take the site from nginx, for the server of your own'
    [[ -z $(left_behind) ]] && return || return 1
  fi
  todo="let nginx serve the page on ports $https_port and $http_port"
  [[ -e $TLS/hosts && ! -e $PREFIX/nginx-changed ]] && command -v nginx >/dev/null || return 1
  read_origins
  site_is_rendered || return 1
  is_linked "$SITE/site.conf" "$NGINX/sites-available/voice-appliance" || return 1
  is_linked "$NGINX/sites-available/voice-appliance" "$NGINX/sites-enabled/voice-appliance" || return 1
  local source target
  while IFS=$'\t' read -r source target _; do is_placed "$source" "$target" || return 1; done < <(announcements)
  systemctl -q is-active nginx && systemctl -q is-enabled nginx
}

do_nginx_site() {
  [[ -z $no_nginx ]] || { withdraw_site && return; }
  local before=$PREFIX/.site-before linked='' source target mode
  : >"$PREFIX/nginx-changed"
  [[ -L $NGINX/sites-enabled/voice-appliance ]] && linked=yes
  # What stood there, should nginx not accept the new one.
  if [[ -n $linked && ! -e $before ]]; then cp -aT -- "$SITE" "$before.new" && mv -T -- "$before.new" "$before"; fi
  read_origins
  render_site "$SITE"
  place_link "$SITE/site.conf" "$NGINX/sites-available/voice-appliance"
  place_link "$NGINX/sites-available/voice-appliance" "$NGINX/sites-enabled/voice-appliance"
  if ! nginx -t >"$PREFIX/.nginx-said" 2>&1; then
    if [[ -e $before ]]; then
      rm -rf -- "$SITE" && mv -T -- "$before" "$SITE"
    else
      take_away "$NGINX/sites-enabled/voice-appliance"
    fi
    cat -- "$PREFIX/.nginx-said" >&2
    die 'nginx does not accept the site; what it served before is as it was'
  fi
  serve_site
  while IFS=$'\t' read -r source target mode; do place "$source" "$target" "$mode"; done < <(announcements)
  rm -rf -- "$before" "$before.new" "$PREFIX/.nginx-said" "$PREFIX/nginx-changed"
}

# A reload ends no connection. A start is for one that does not run, and for the very first time,
# when nobody is connected to us: that gives nginx its hardening.
serve_site() {
  if ! systemctl -q is-enabled nginx; then
    : >"$PREFIX/nginx-enabled"
    quietly systemctl enable nginx
  fi
  if [[ -e $PREFIX/live ]] && systemctl -q is-active nginx; then
    quietly systemctl reload nginx
  else
    quietly systemctl restart nginx
  fi
}
