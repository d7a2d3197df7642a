# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: packages, the user, directories and the first configuration.

# ── packages ─────────────────────────────────────────────────────────────────────────────────

has_package() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

wanted_packages() {
  missing openssl=openssl hostname=hostname ip=iproute2 setpriv=util-linux flock=util-linux systemd-sysusers=systemd
  [[ -n $no_nginx ]] || missing nginx=nginx
  # What the wheels expect of any Debian.
  local package
  for package in ca-certificates libgomp1 libsystemd0; do has_package "$package" || echo "$package"; done
  board_packages
  has_package python3 || echo python3
}

# The page that a new nginx shows on port 80 is nobody's site; with it, ours could not be there.
stock_page() { [[ -e $PREFIX/nginx-brought && -L $NGINX/sites-enabled/default ]]; }

check_packages() {
  local -a wanted
  todo='take the page of the new nginx from port 80'
  ! stock_page || return 1
  mapfile -t wanted < <(wanted_packages | sort -u)
  ((${#wanted[@]})) || return 0
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

# Path, mode, owner, group. The state directory is the daemon's, the configuration is root's.
directories() {
  printf '%s\n' "$CONFIGURATION 755 root root" "$CONFIGURATION/credentials 700 root root" \
    "$STATE 700 $USER_NAME $USER_NAME" "$STATE/models 755 $USER_NAME $USER_NAME" \
    "$STATE/backups 700 $USER_NAME $USER_NAME"
  [[ -n $no_nginx ]] || printf '%s\n' "$NGINX_LOG 755 root adm"
}

check_directories() {
  local path mode owner group
  while read -r path mode owner group; do
    [[ $(stat -c '%a %U %G' -- "$path" 2>/dev/null) == "$mode $owner $group" ]] || { todo="make $path" && return 1; }
  done < <(directories)
}

do_directories() {
  local path mode owner group
  while read -r path mode owner group; do
    install -d -m "$mode" -o "$owner" -g "$group" -- "$path"
  done < <(directories)
}

# ── configuration ────────────────────────────────────────────────────────────────────────────
# Placed once; from then on it is the owner's, and no update touches it.

check_configuration() {
  [[ -e $CONFIGURATION/appliance.toml ]] || { todo="place $CONFIGURATION/appliance.toml, for you to edit" && return 1; }
  [[ -n $no_nginx ]] || is_placed "$ROOT/install/logrotate.conf" /etc/logrotate.d/voice-appliance ||
    { todo='let the logs of the site be rotated' && return 1; }
}

# The address that a certificate of the owner's own is for; nothing where it names no host.
own_address() {
  local name
  [[ -n $tls_cert ]] || return 0
  name=$(openssl x509 -in "$tls_cert" -noout -ext subjectAltName 2>/dev/null | grep -oE 'DNS:[^, *]+(,|$)' | sed -nE '1s/^DNS:([^,]+),?$/\1/p') || return 0
  [[ -z $name ]] || printf 'https://%s%s' "$name" "$(suffix "$https_port" 443)"
}

first_configuration() {
  local address
  address=$(own_address)
  # The daemon answers to the names that it knows, and that of a certificate it has to be told.
  sed "${address:+/^listen = /a public_url = \"$address\"}" "$ROOT/install/appliance.toml"
}

do_configuration() {
  if [[ ! -e $CONFIGURATION/appliance.toml ]]; then
    first_configuration >"$PREFIX/.configuration"
    # The daemon reads it too; nobody else needs to.
    replace_file "$PREFIX/.configuration" "$CONFIGURATION/appliance.toml" 0640
    rm -f -- "$PREFIX/.configuration"
    chgrp -- "$USER_NAME" "$CONFIGURATION/appliance.toml"
  fi
  [[ -n $no_nginx ]] || place "$ROOT/install/logrotate.conf" /etc/logrotate.d/voice-appliance
}
