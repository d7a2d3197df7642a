# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: everything that is looked at before anything is changed. All faults are
# told at once.

readonly RELEASE_MB=1800 MEMORY_MB=1500

declare -a faults=()
fault() { faults+=("$*"); }

check_rights() { ((EUID == 0)) || fault "this needs root: sudo ./install.sh …"; }

check_system() {
  [[ $(uname -s) == Linux ]] || fault "this needs Linux; here is $(uname -s)"
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) fault "this needs an x86-64 or arm64 processor; here is $(uname -m)" ;;
  esac
  command -v apt-get >/dev/null ||
    fault "this needs Debian or Ubuntu (there is no apt-get); ./install.sh run works elsewhere"
  [[ -d /run/systemd/system ]] ||
    fault "systemd is not running here, as in a plain container; ./install.sh run needs none"
}

# The directory itself, or the one in which it would be made.
existing() {
  local place=$1
  while [[ ! -e $place ]]; do place=$(dirname -- "$place"); done
  printf '%s' "$place"
}

# free_mb DIRECTORY: of the file system on which it stands or would stand.
free_mb() { df -Pk -- "$(existing "$1")" | awk 'NR == 2 { print int($4 / 1024) }'; }

disk_of() { stat -L -c %d -- "$(existing "$1")"; }

check_disk() {
  local release=$RELEASE_MB models
  # What is complete already needs no more than room to work.
  ! release_is_complete || release=200
  models=$(missing_models_mb)
  if ((models == 0)) || [[ $(disk_of "$PREFIX") == "$(disk_of "$STATE/models")" ]]; then
    has_room "$PREFIX" $((release + models))
  else
    has_room "$PREFIX" "$release"
    has_room "$STATE/models" $((models + 100))
  fi
}

has_room() {
  local free
  free=$(free_mb "$1")
  ((free >= $2)) || fault "$2 MB of free disk space are needed below $1; there are $free"
}

check_memory() {
  local total
  total=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
  ((total >= MEMORY_MB)) || fault "$MEMORY_MB MB of memory are needed; there are $total"
}

# A board without a clock battery may wake in the past: certificates and TLS then fail in odd ways.
check_clock() {
  local made
  made=$(stat -c %Y -- "$ROOT/install.sh")
  (($(date +%s) > made - 86400)) ||
    fault "the clock says $(date -I), which is before this program was made; set it first (timedatectl). If it is right, a clock that was ahead has dated the program: touch $ROOT/install.sh"
}

# Every address on which another enabled site or the main configuration of nginx listens.
foreign_listens() {
  command -v nginx >/dev/null || return 0
  nginx -T 2>/dev/null | awk '
    /^# configuration file / { file = $4; sub(/:$/, "", file); ours = file ~ /\/voice-appliance/; next }
    ours || /^[[:space:]]*#/ { next }
    {
      count = split($0, directives, /[{};]/)
      for (i = 1; i <= count; i++)
        if (directives[i] ~ /^[[:space:]]*listen[[:space:]]/) {
          address = directives[i]
          sub(/^[[:space:]]*listen[[:space:]]+/, "", address)
          sub(/[[:space:]].*/, "", address)
          sub(/.*:/, "", address)
          print address, file
        }
    }' | sort -u
}

nginx_is_sound() {
  command -v nginx >/dev/null || return 0
  nginx -t >/dev/null 2>&1
}

# The port of another site, or the name of nothing.
foreign_site_on() { foreign_listens | awk -v port="$1" '$1 == port { print $2; exit }'; }

check_site() {
  [[ -z $no_nginx ]] || return 0
  local site
  nginx_is_sound || fault "nginx does not accept its present configuration; see: nginx -t"
  [[ ! -e $NGINX/nginx.conf ]] || grep -q sites-enabled "$NGINX/nginx.conf" ||
    fault "$NGINX/nginx.conf does not include sites-enabled/*, as that of Debian does; add it, or use --no-nginx"
  site=$(foreign_site_on "$https_port")
  [[ -z $site ]] || fault "another site of nginx ($site) has port $https_port; choose one with --https-port"
  site=$(foreign_site_on "$http_port")
  ! stock_page || [[ $site != "$NGINX/sites-enabled/default" ]] || site=''
  if [[ -n $site && -n $http_port_given ]]; then
    fault "another site of nginx ($site) has port $http_port; choose another with --http-port, or disable it"
  elif [[ -n $site ]]; then
    http_port=8081
    say "Another site of nginx ($site) has port 80: the page about the certificate will be on port $http_port."
  fi
  check_listening "$https_port" --https-port
  check_listening "$http_port" --http-port
}

check_listening() {
  port_is_taken "$1" || return 0
  # Read to the end: a writer whose reader has gone counts as a failure.
  systemctl -q is-active nginx 2>/dev/null && grep -qE "listen[^;]*\b$1\b" <<<"$(nginx -T 2>/dev/null)" && return
  fault "port $1 is taken by another program; choose another with $2"
}

check_certificate_files() {
  [[ -n $tls_cert$tls_key ]] || return 0
  [[ -n $tls_cert && -n $tls_key ]] || { fault "--tls-cert and --tls-key go together" && return; }
  local cert key
  cert=$(openssl x509 -in "$tls_cert" -noout -pubkey 2>/dev/null) || fault "$tls_cert is no certificate"
  key=$(openssl pkey -in "$tls_key" -pubout 2>/dev/null) || fault "$tls_key is no private key"
  [[ -z $cert || -z $key || $cert == "$key" ]] || fault "$tls_key is not the key of $tls_cert"
  # Their hardening keeps nginx and what renews the certificate out of people's homes, and of /tmp.
  local file
  while read -r file; do
    [[ ! $file =~ ^/(home|root|run/user|tmp|var/tmp)/ ]] ||
      fault "nginx cannot read $file; copy it below /etc/ssl, for example, and name that"
  done < <({ printf '%s\n' "$tls_cert" "$tls_key" && realpath -m -- "$tls_cert" "$tls_key"; } | sort -u)
}

# What --offline could not fetch.
check_offline() {
  [[ -n $bundle ]] || return 0
  local -a wanted
  mapfile -t wanted < <(wanted_packages | sort -u)
  ((${#wanted[@]} == 0)) || fault "these Debian packages are missing, and --offline fetches nothing: ${wanted[*]}"
}

check_everything() {
  local check
  for check in rights system memory clock disk certificate_files site board offline wheels power_mode state; do "check_$check"; done
  ((${#faults[@]} == 0)) && return
  warn "install.sh: nothing was changed, because"
  printf '  - %s\n' "${faults[@]}" >&2
  exit 1
}
