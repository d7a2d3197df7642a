# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: what makes a release live: the certificate, its units, the site of nginx,
# the start, and the self-test.

# ── certificate ──────────────────────────────────────────────────────────────────────────────

# Whether the machine's names have changed is for the timer to see; it renews the certificate too.
check_certificate() {
  [[ -z $no_nginx ]] || return 0
  todo='make a local certificate authority, and a certificate for the names of this machine'
  [[ -z $tls_cert ]] || todo="use the certificate $tls_cert"
  [[ -e $TLS/server.key && -e $TLS/server.crt && -e $TLS/names && -e $TLS/hosts ]] || return 1
  openssl x509 -in "$TLS/server.crt" -noout -checkend 0 >/dev/null || return 1
  [[ -z $tls_cert || $(readlink -- "$TLS/server.crt") == "$tls_cert" ]]
}

do_certificate() {
  local -a own=()
  [[ -z $tls_cert ]] || own=(--tls-cert "$tls_cert" --tls-key "$tls_key")
  "$ROOT/nginx/certificate.sh" "$TLS" "${own[@]}" >/dev/null || die 'there is no certificate'
}

# ── units ────────────────────────────────────────────────────────────────────────────────────

# SOURCE<tab>TARGET of every file that systemd is to have of this release.
wanted_units() {
  local from=$ROOT/$UNITS file name
  for file in "$from"/*.service "$from"/*.socket "$from"/*.timer "$from"/*.path "$ROOT"/install/units/* "$from"/*.service.d/*; do
    name=${file#"$from"/}
    name=${name#"$ROOT"/install/units/}
    [[ -e $file ]] || continue
    [[ -z $no_nginx || ! $name =~ ^(nginx|voice-appliance-certs) ]] || continue
    printf '%s\t%s\n' "$file" "$SYSTEMD/$name"
  done
  for file in "$from"/journald.conf.d/*; do printf '%s\t%s\n' "$file" "/etc/systemd/journald.conf.d/${file##*/}"; done
  [[ -z $power_mode ]] || printf '%s\t%s\n' "$ROOT/jetson/voice-appliance-power.service" "$SYSTEMD/voice-appliance-power.service"
  if grep -qs '^gpu' "$ROOT/venv/.gpu"; then
    printf '%s\t%s\n' "$ROOT/jetson/gpu.conf" "$SYSTEMD/voice-appliance.service.d/gpu.conf"
  fi
  # Which device nodes this very board has.
  if [[ -x $from/devices.sh ]]; then
    "$from/devices.sh" >"$PREFIX/.devices.conf" 2>/dev/null || true
    [[ ! -s $PREFIX/.devices.conf ]] ||
      printf '%s\t%s\n' "$PREFIX/.devices.conf" "$SYSTEMD/voice-appliance.service.d/devices.conf"
  fi
}

# Units of another release that this one does not have.
stale_units() {
  local placed
  [[ -e $PLACED ]] || return 0
  wanted_units | cut -f2 >"$PREFIX/.wanted"
  while read -r placed; do
    case $placed in
      */) ;;
      "$SYSTEMD"/* | /etc/systemd/journald.conf.d/*)
        grep -qxF -- "$placed" "$PREFIX/.wanted" || printf '%s\n' "$placed"
        ;;
    esac
  done <"$PLACED"
  rm -f -- "$PREFIX/.wanted"
}

check_units() {
  local source target
  while IFS=$'\t' read -r source target; do
    is_placed "$source" "$target" || { todo="place ${target##*/} and what belongs to it" && return 1; }
  done < <(wanted_units)
  [[ -z $(stale_units) ]] || { todo='remove units of another release' && return 1; }
  [[ ! -e $PREFIX/units-changed ]] || { todo='let systemd read the units again' && return 1; }
  is_linked "$PREFIX/current/bin/appliance" /usr/local/bin/appliance || { todo='place /usr/local/bin/appliance' && return 1; }
}

do_units() {
  local source target unit
  # Stays until the service has been restarted with them.
  : >"$PREFIX/units-changed"
  : >"$PREFIX/restart-needed"
  for unit in $(stale_units); do
    [[ $unit != *.service && $unit != *.timer && $unit != *.socket && $unit != *.path ]] || quietly systemctl disable --now "${unit##*/}"
    take_away "$unit"
  done
  while IFS=$'\t' read -r source target; do
    is_placed "$source" "$target" && continue
    [[ $target != */nginx.service.d/* ]] || : >"$PREFIX/nginx-changed"
    place "$source" "$target"
    [[ $target != */journald.conf.d/* ]] || quietly systemctl try-restart systemd-journald
  done < <(wanted_units)
  place_link "$PREFIX/current/bin/appliance" /usr/local/bin/appliance
  quietly systemctl daemon-reload
  rm -f -- "$PREFIX/units-changed"
}

# ── site ─────────────────────────────────────────────────────────────────────────────────────
# The site is rendered into the appliance's own configuration, where the certificate's timer renders
# it again; nginx has links to it.

render_site() {
  "$ROOT/nginx/render.sh" "$1" ADDRESS="$bind" HTTPS_PORT="$https_port" HTTP_PORT="$http_port" \
    UPSTREAM="unix:$SOCKET" PAGE="$PREFIX/current/web" TLS="$TLS" LOG="$NGINX_LOG"
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

check_nginx_site() {
  [[ -z $no_nginx ]] || return 0
  todo="let nginx serve the page on ports $https_port and $http_port"
  [[ -e $TLS/hosts && ! -e $PREFIX/nginx-changed ]] && command -v nginx >/dev/null || return 1
  site_is_rendered || return 1
  is_linked "$SITE/site.conf" "$NGINX/sites-available/voice-appliance" || return 1
  is_linked "$NGINX/sites-available/voice-appliance" "$NGINX/sites-enabled/voice-appliance" || return 1
  local source target
  while IFS=$'\t' read -r source target _; do is_placed "$source" "$target" || return 1; done < <(announcements)
  systemctl -q is-active nginx && systemctl -q is-enabled nginx
}

do_nginx_site() {
  local before=$PREFIX/.site-before linked='' source target mode
  : >"$PREFIX/nginx-changed"
  [[ -L $NGINX/sites-enabled/voice-appliance ]] && linked=yes
  # What stood there, should nginx not accept the new one.
  if [[ -n $linked && ! -e $before ]]; then cp -aT -- "$SITE" "$before.new" && mv -T -- "$before.new" "$before"; fi
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

# ── service ──────────────────────────────────────────────────────────────────────────────────

enabled_units() {
  printf '%s\n' voice-appliance.socket voice-appliance.service voice-appliance-selftest.timer voice-appliance-probation.timer
  [[ -n $no_nginx ]] || printf '%s\n' voice-appliance-certs.timer voice-appliance-certs.path
}

# The daemon's program stands in the directory of its release.
runs_release() {
  local pid
  pid=$(systemctl show -P MainPID voice-appliance.service)
  [[ $pid != 0 && $(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null) == *"$1/venv/"* ]]
}

probe() { "$ROOT/venv/bin/python" "$ROOT/install/probe.py" "$SOCKET" "$1"; }

check_service() {
  local unit
  for unit in $(enabled_units); do
    systemctl -q is-enabled "$unit" 2>/dev/null || { todo="enable $unit" && return 1; }
    [[ $unit == *.service ]] || systemctl -q is-active "$unit" || { todo="start $unit" && return 1; }
  done
  todo='start it, and wait until it is ready'
  [[ ! -e $PREFIX/restart-needed ]] && systemctl -q is-active voice-appliance.service && runs_release "$ROOT" &&
    probe /ready >/dev/null
}

do_service() {
  local -a units
  mapfile -t units < <(enabled_units)
  quietly systemctl enable "${units[@]}"
  systemctl reset-failed voice-appliance.service voice-appliance.socket 2>/dev/null || true
  : >"$PREFIX/restart-needed"
  quietly systemctl start "${units[@]/voice-appliance.service/voice-appliance.socket}"
  systemctl restart voice-appliance.service || die_of_service 'it did not start'
  await_ready
  rm -f -- "$PREFIX/restart-needed"
  : >"$PREFIX/live"
}

await_ready() {
  local last=$((SECONDS + ready_seconds)) restarts
  while ! probe /ready >/dev/null; do
    restarts=$(systemctl show -P NRestarts voice-appliance.service)
    if ! systemctl -q is-active voice-appliance.service || ((restarts > 0)); then
      die_of_service 'it ended before it was ready'
    fi
    ((SECONDS < last)) || die_of_service "it was not ready within $ready_seconds s"
    sleep 0.2
  done
}

die_of_service() {
  warn "The appliance: $1. The last of its journal:"
  journalctl -u voice-appliance.service -n 25 --no-pager -o cat >&2 || true
  die "the service does not work ($1)"
}

# ── selftest ─────────────────────────────────────────────────────────────────────────────────

# as_appliance COMMAND…: as the daemon's user, with the daemon's directories.
as_appliance() {
  (cd / && setpriv --reuid="$USER_NAME" --regid="$USER_NAME" --init-groups env -i PATH=/usr/bin:/bin HOME="$STATE" \
    LANG="${LANG:-C.UTF-8}" PYTHONDONTWRITEBYTECODE=1 "$@")
}

self_test() { as_appliance "$ROOT/venv/bin/appliance" selftest >&2; }

# ── All of it ────────────────────────────────────────────────────────────────────────────────

readonly LIVE_STEPS=(units power nginx_site service)

# `activate [strict|lenient|untested]`: makes the release that these scripts belong to live. For
# install.sh itself: whoever calls it holds the lock and has set `current`. Prints "changed" or
# nothing. A failing self-test is a failure, except where it failed before as well (lenient).
activate() {
  load_choices
  release=$ROOT
  run_steps "${LIVE_STEPS[@]}"
  rm -f -- "$PREFIX/.devices.conf"
  case ${1:-strict} in
    strict) self_test || die 'the self-test found what is told above' ;;
    lenient) self_test || warn 'The self-test finds what it found before the update.' ;;
  esac
  nothing_changed || echo changed
}
