# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: what makes a release live: its units, the start, and the self-test. The
# certificate and the site of nginx are site.sh's.

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
  # What the programs of agents and of servers of tools need, which the configuration names.
  if "$ROOT/venv/bin/appliance" config unit >"$PREFIX/.programs.conf" 2>/dev/null && [[ -s $PREFIX/.programs.conf ]]; then
    for name in voice-appliance voice-appliance-selftest; do
      printf '%s\t%s\n' "$PREFIX/.programs.conf" "$SYSTEMD/$name.service.d/programs.conf"
    done
  fi
  # Which device nodes this very board has.
  if [[ -x $from/devices.sh ]]; then
    "$from/devices.sh" >"$PREFIX/.devices.conf" 2>/dev/null || true
    for name in voice-appliance voice-appliance-llm; do
      [[ ! -s $PREFIX/.devices.conf ]] ||
        printf '%s\t%s\n' "$PREFIX/.devices.conf" "$SYSTEMD/$name.service.d/devices.conf"
    done
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

# ── service ──────────────────────────────────────────────────────────────────────────────────

enabled_units() {
  printf '%s\n' voice-appliance.socket voice-appliance.service voice-appliance-selftest.timer voice-appliance-probation.timer \
    voice-appliance-llm.path voice-appliance-llm.service
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
  # That of the release before goes on otherwise; nothing waits for a model to load.
  quietly systemctl --no-block restart voice-appliance-llm.service
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

# as_appliance COMMAND…: as the daemon's user, with the daemon's directories, and the way out.
as_appliance() {
  local name
  local -a passed_on=()
  for name in {http,https,no}_proxy {HTTP,HTTPS,NO}_PROXY NO_COLOR; do [[ -z ${!name:-} ]] || passed_on+=("$name=${!name}"); done
  (cd / && setpriv --reuid="$USER_NAME" --regid="$USER_NAME" --init-groups env -i PATH=/usr/bin:/bin HOME="$STATE" \
    LANG="${LANG:-C.UTF-8}" PYTHONDONTWRITEBYTECODE=1 "${passed_on[@]}" "$@")
}

# report_of RELEASE [--progress]: of its self-test, as JSON; people see its table grow. One that runs
# already (the nightly one, the page's) is waited for; none takes longer than its unit gives it.
report_of() {
  local said code=0
  said=$(as_appliance "$1/venv/bin/appliance" selftest --json --wait 600 "${@:2}") || code=$?
  if ((code == 2)); then
    # A release from before there was --wait.
    code=0
    said=$(as_appliance "$1/venv/bin/appliance" selftest --json) || code=$?
  fi
  ((code < 2)) || return "$code"
  printf '%s\n' "$said"
}

# failed_checks <REPORT: their names.
failed_checks() { "$release/venv/bin/python" "$ROOT/install/findings.py"; }

# What failed before the update as well is no fault of the release.
self_test() {
  local report failed check fresh=''
  say 'The self-test runs…'
  report=$(report_of "$ROOT" --progress) || die 'the self-test could not run; above is why'
  failed=$(failed_checks <<<"$report") || die 'the self-test came to no result'
  for check in $failed; do
    grep -qsxF -- "$check" "$PREFIX/failed-before" || fresh+=" $check"
  done
  [[ -z $fresh ]] || die "the self-test found what is told above:$fresh"
  [[ -z $failed ]] || warn 'The self-test finds nothing but what it found before the update.'
}

# ── All of it ────────────────────────────────────────────────────────────────────────────────

readonly LIVE_STEPS=(units power nginx_site service)

# `activate [untested]`: makes the release that these scripts belong to live. For install.sh itself:
# whoever calls it holds the lock and has set `current`. Prints "changed" or nothing.
activate() {
  load_choices
  release=$ROOT
  run_steps "${LIVE_STEPS[@]}"
  rm -f -- "$PREFIX/.devices.conf" "$PREFIX/.programs.conf"
  [[ ${1:-} == untested ]] || self_test
  nothing_changed || echo changed
}
