# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: taking it away. Conversations, models and settings stay unless --purge.

own_units() { (cd -- "$SYSTEMD" 2>/dev/null && printf '%s\n' voice-appliance*.{service,socket,timer,path} | grep -vF -e '*' -e '@'); }

remove_units() {
  local unit
  for unit in $(own_units); do
    systemctl disable --now "$unit" >/dev/null 2>&1 || warn "$unit could not be disabled"
  done
  systemctl reset-failed 'voice-appliance*' 2>/dev/null || true
}

remove_site() {
  [[ -L $NGINX/sites-enabled/voice-appliance ]] || return 0
  take_away "$NGINX/sites-enabled/voice-appliance"
  if systemctl -q is-active nginx && nginx -t >/dev/null 2>&1; then quietly systemctl reload nginx; fi
}

remove_placed() {
  local file hardened=''
  [[ -e $PLACED ]] || return 0
  while read -r file; do
    [[ $file != */nginx.service.d/* ]] || hardened=yes
    take_away "$file"
  done < <(tac -- "$PLACED")
  quietly systemctl daemon-reload
  [[ -z $hardened ]] || ! systemctl -q is-active nginx || quietly systemctl restart nginx
}

# One that came with the appliance is as after its installation, and does not run.
leave_nginx() {
  [[ ! -e $PREFIX/nginx-enabled ]] || quietly systemctl disable nginx
  [[ -e $PREFIX/nginx-brought ]] || return 0
  [[ ! -e $NGINX/sites-available/default ]] || link "$NGINX/sites-available/default" "$NGINX/sites-enabled/default"
  quietly systemctl disable --now nginx
}

remove_data() {
  # What a link in the daemon's directory leads to is emptied with the daemon's rights, not root's.
  [[ ! -L $STATE/models ]] || as_appliance find "$STATE/models/" -mindepth 1 -delete || warn "$(readlink -- "$STATE/models") could not be emptied"
  rm -rf -- "$CONFIGURATION" "$STATE" "$NGINX_LOG" /var/cache/voice-appliance
  ! getent passwd "$USER_NAME" >/dev/null || quietly userdel "$USER_NAME"
  ! getent group "$USER_NAME" >/dev/null || quietly groupdel "$USER_NAME"
}

uninstall_device() {
  local purge=''
  while (($#)); do
    case $1 in
      --purge) purge=yes ;;
      --yes) assume_yes=yes ;;
      --dry-run) dry_run=yes ;;
      *) misused "uninstall does not know '$1'" ;;
    esac
    shift
  done
  check_rights
  ((${#faults[@]} == 0)) || die "${faults[0]}"
  device_lock
  local what="the appliance, its units and its site"
  [[ -z $purge ]] || what+=", and with them all conversations, models, settings and certificates"
  if [[ -n $dry_run ]]; then
    say "It would remove $what:"
    printf '  %s\n' "$PREFIX" /run/voice-appliance >&2
    [[ ! -e $PLACED ]] || sed 's/^/  /' "$PLACED" >&2
    [[ -z $purge ]] || printf '  %s\n' "$CONFIGURATION" "$STATE" "$NGINX_LOG" "user $USER_NAME" >&2
    return
  fi
  confirm "This removes $what."
  [[ ! -x $PREFIX/current/jetson/power.sh ]] || "$PREFIX/current/jetson/power.sh" restore || warn 'The power mode stays as it is.'
  remove_units
  remove_site
  remove_placed
  leave_nginx
  rm -f -- /var/lib/systemd/timers/stamp-voice-appliance*.timer
  rm -rf -- /run/voice-appliance "$PREFIX"
  [[ -z $purge ]] || remove_data
  rm -f -- "$LOCK"
  if [[ -n $purge ]]; then
    step 'The appliance is gone. Debian packages that came with it (nginx, openssl, avahi-daemon, …) are left; apt-get purges them.'
  else
    step "The appliance is gone. $STATE and $CONFIGURATION are left; uninstall --purge takes them too."
  fi
}
