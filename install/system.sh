# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: packages, the user, directories and the first configuration.

# ── packages ─────────────────────────────────────────────────────────────────────────────────

has_package() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

wanted_packages() {
  missing openssl=openssl hostname=hostname ip=iproute2 setpriv=util-linux flock=util-linux systemd-sysusers=systemd
  [[ -n $no_nginx ]] || missing nginx=nginx
  # Wished for, and nothing to fail for.
  [[ -n $bundle ]] || wanted_mdns
  # What the wheels expect of any Debian.
  local package
  for package in ca-certificates libgomp1 libsystemd0; do has_package "$package" || echo "$package"; done
  # Without wheels for the GPU, its libraries have no use; and one Python is enough.
  [[ -n $bundle && (-z $wheels_directory || $wheels_directory == none) ]] || board_packages
  [[ -n $bundle && -e $bundle/python ]] || has_package python3 || echo python3
}

# Somebody has to answer for the machine's .local name. Who has the port already (systemd-resolved can)
# would not get along with another.
wanted_mdns() { [[ -n $no_nginx ]] || hears_mdns || missing avahi-daemon=avahi-daemon; }

# Port 5353, as the kernel lists it; without IPv6, one of the lists is not there.
hears_mdns() {
  { cat /proc/net/udp /proc/net/udp6 2>/dev/null || true; } | awk '$2 ~ /:14E9$/ { found = 1 } END { exit !found }'
}

# The page that a new nginx shows on port 80 is nobody's site; with it, ours could not be there.
stock_page() { [[ -e $PREFIX/nginx-brought && -L $NGINX/sites-enabled/default ]]; }

check_packages() {
  local -a wanted
  todo='take the page of the new nginx from port 80'
  ! stock_page || return 1
  mapfile -t wanted < <(wanted_packages | sort -u)
  if ((${#wanted[@]} == 0)); then
    [[ -z $bundle || -z $(wanted_mdns) ]] ||
      warn "Nobody answers for this machine's .local name: it will not be found without the Debian package avahi-daemon."
    return 0
  fi
  todo="install Debian packages: ${wanted[*]}"
  return 1
}

do_packages() {
  local -a wanted
  mapfile -t wanted < <(wanted_packages | sort -u)
  [[ -z $bundle || ${#wanted[@]} -eq 0 ]] || die "these Debian packages are missing, and --offline fetches nothing: ${wanted[*]}"
  if [[ -z $no_nginx ]] && ! command -v nginx >/dev/null; then
    mkdir -p -- "$PREFIX"
    : >"$PREFIX/nginx-brought"
  fi
  install_packages "${wanted[@]}"
  ! stock_page || rm -f -- "$NGINX/sites-enabled/default"
}

# ── user ─────────────────────────────────────────────────────────────────────────────────────

# The groups of GPU and sound nodes; a unit that named one that is missing would not start.
device_groups() {
  local group
  for group in video render; do getent group "$group" >/dev/null && echo "$group"; done
  return 0
}

check_user() {
  getent passwd "$USER_NAME" >/dev/null || { todo="make the system user $USER_NAME" && return 1; }
  is_placed "$ROOT/$UNITS/sysusers.d/voice-appliance.conf" /etc/sysusers.d/voice-appliance.conf ||
    { todo="place the description of user $USER_NAME" && return 1; }
  local group
  for group in $(device_groups); do
    [[ " $(id -nG "$USER_NAME") " == *" $group "* ]] || { todo="let $USER_NAME into group $group" && return 1; }
  done
}

do_user() {
  place "$ROOT/$UNITS/sysusers.d/voice-appliance.conf" /etc/sysusers.d/voice-appliance.conf
  quietly systemd-sysusers /etc/sysusers.d/voice-appliance.conf
  local group
  for group in $(device_groups); do quietly usermod -aG "$group" "$USER_NAME"; done
}

# ── directories ──────────────────────────────────────────────────────────────────────────────

# Path, mode, owner, group, in root's directories. The state is the daemon's, the settings are
# root's.
directories() {
  printf '%s\n' "$CONFIGURATION 755 root root" "$CONFIGURATION/credentials 700 root root" \
    "$STATE 700 $USER_NAME $USER_NAME"
  [[ -n $no_nginx ]] || printf '%s\n' "$NGINX_LOG 755 root adm"
}

# Path and mode below the state directory. There the daemon may put a link in the place of anything,
# so root does nothing in it that follows one: such work is done as the daemon's user.
state_directories() { printf '%s\n' "$STATE/models 755" "$STATE/backups 700"; }

# Models are large: their directory may be a link to one on another disk.
leads_to_models() {
  [[ $1 == "$STATE/models" ]] || return
  # Before the first installation, there is only the link.
  if getent passwd "$USER_NAME" >/dev/null; then as_appliance test -d "$1/" -a -w "$1/" -a -x "$1/"; else [[ -d $1/ ]]; fi
}

# Before anything is changed, too.
check_state() {
  local path
  while read -r path _; do
    if [[ ! -L $path ]] || leads_to_models "$path"; then
      continue
    elif [[ $path == "$STATE/models" ]]; then
      fault "$path leads to $(readlink -- "$path"), which is no directory that $USER_NAME can write"
    else
      fault "$path is a link, and must be a directory; remove it"
    fi
  done < <(state_directories)
}

check_directories() {
  local path mode owner group
  while read -r path mode owner group; do
    [[ $(stat -L -c '%a %U %G' -- "$path" 2>/dev/null) == "$mode $owner $group" ]] || { todo="make $path" && return 1; }
  done < <(directories)
  while read -r path mode; do
    todo="make $path"
    if [[ -L $path ]]; then
      leads_to_models "$path" || return 1
    else
      [[ $(stat -c '%F %a %U %G' -- "$path" 2>/dev/null) == "directory $mode $USER_NAME $USER_NAME" ]] || return 1
    fi
  done < <(state_directories)
}

do_directories() {
  local path mode owner group
  while read -r path mode owner group; do
    install -d -m "$mode" -o "$owner" -g "$group" -- "$path"
  done < <(directories)
  while read -r path mode; do
    [[ ! -L $path ]] || continue
    [[ -e $path ]] || as_appliance mkdir -- "$path"
    chown -h -- "$USER_NAME:$USER_NAME" "$path"
    as_appliance chmod -- "$mode" "$path"
  done < <(state_directories)
}

# ── configuration ────────────────────────────────────────────────────────────────────────────
# Placed once; from then on it is the owner's, and no update touches it.

check_configuration() {
  [[ -e $CONFIGURATION/appliance.toml ]] || { todo="place $CONFIGURATION/appliance.toml, for you to edit" && return 1; }
  [[ -n $no_nginx ]] || is_placed "$ROOT/install/logrotate.conf" /etc/logrotate.d/voice-appliance ||
    { todo='let the logs of the site be rotated' && return 1; }
}

do_configuration() {
  if [[ ! -e $CONFIGURATION/appliance.toml ]]; then
    # The daemon reads it too; nobody else needs to.
    replace_file "$ROOT/install/appliance.toml" "$CONFIGURATION/appliance.toml" 0640
    chgrp -- "$USER_NAME" "$CONFIGURATION/appliance.toml"
  fi
  [[ -n $no_nginx ]] || place "$ROOT/install/logrotate.conf" /etc/logrotate.d/voice-appliance
}
