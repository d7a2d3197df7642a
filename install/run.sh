# shellcheck shell=bash
# A part of install.sh: nginx and the appliance in the foreground.

port_of() {
  if [[ ! $2 =~ ^[0-9]{1,5}$ ]] || ((10#$2 < 1 || 10#$2 > 65535)); then
    misused "$1 needs a port number, not '$2'"
  fi
  printf '%d' "$((10#$2))"
}

parse_run() {
  run=$ROOT/.run bind=0.0.0.0 https_port=8443 http_port=8081 configs=() models=recommended
  port=${APPLIANCE__SERVER__PORT:-8080}
  while (($#)); do
    case $1 in
      --config | --https-port | --http-port | --port | --bind | --run-dir | --models)
        (($# >= 2)) || misused "$1 needs a value"
        ;;&
      --config) configs+=("$(realpath -e -- "$2" 2>/dev/null)") || misused "there is no file $2" ;;
      --https-port) https_port=$(port_of "$1" "$2") ;;
      --http-port) http_port=$(port_of "$1" "$2") ;;
      --port) port=$(port_of "$1" "$2") ;;
      --bind) bind=$2 ;;
      --run-dir) run=$(realpath -m -- "$2") ;;
      --models) models=${2:-none} ;;
      *) misused "run does not know '$1'" ;;
    esac
    shift 2
  done
  port=$(port_of --port "$port")
}

# Listening sockets as the kernel lists them, so that nothing has to be installed to look.
port_is_taken() {
  local hex
  printf -v hex '%04X' "$1"
  # A kernel without IPv6 has only the first.
  (cat /proc/net/tcp{,6} 2>/dev/null || true) | awk -v end=":$hex\$" '$4 == "0A" && $2 ~ end { f = 1 } END { exit !f }'
}

check_ports() {
  local option number
  for option in --https-port=$https_port --http-port=$http_port --port=$port; do
    number=${option#*=}
    port_is_taken "$number" && die "port $number is taken by another program; choose another with ${option%%=*}"
    ((EUID == 0 || number >= $(</proc/sys/net/ipv4/ip_unprivileged_port_start))) ||
      die "port $number is for root only; choose a higher one with ${option%%=*}"
  done
  local distinct
  distinct=$(printf '%s\n' "$https_port" "$http_port" "$port" | sort -u | wc -l)
  ((distinct == 3)) || misused "the three ports must differ"
}

# nginx as root lets its workers drop to www-data, where that user can reach the page at all.
nginx_user() {
  ((EUID == 0)) || return 0
  local -a as_worker=(setpriv --reuid=www-data --regid=www-data --clear-groups)
  if "${as_worker[@]}" test -r "$ROOT/web/dist/index.html" 2>/dev/null && "${as_worker[@]}" test -x "$run"; then
    printf 'user www-data;'
  else
    printf 'user root;'
  fi
}

# Further pages that may connect. Of a configuration that cannot be read the daemon tells.
configured_origins() {
  [[ -x $VENV/bin/appliance ]] || return 0
  "$VENV/bin/appliance" config show "${layers[@]}" 2>/dev/null | "$VENV/bin/python" "$ROOT/install/origins.py" || true
}

prepare_nginx() {
  local user origins
  user=$(nginx_user)
  origins=$(configured_origins)
  mkdir -p -- "$run/nginx/temp"
  "$ROOT/nginx/render.sh" "$run/nginx" USER="$user" ADDRESS="$bind" HTTPS_PORT="$https_port" \
    HTTP_PORT="$http_port" UPSTREAM="127.0.0.1:$port" PAGE="$ROOT/web/dist" TLS="$run/tls" LOG="$run/nginx" \
    ORIGINS="$origins"
  nginx=(nginx -p "$run/nginx" -c "$run/nginx/main.conf")
  # Before it has read its configuration, nginx would log to a place that only root may write.
  [[ $(nginx -h 2>&1) != *'-e filename'* ]] || nginx+=(-e "$run/nginx/error.log")
  quietly "${nginx[@]}" -t
}

# Where the daemon keeps its things and where it listens. nginx has to find it there, so the
# address is not for a configuration file to change.
prepare_daemon() {
  (umask 077 && mkdir -p -- "$run/models")
  "$ROOT/nginx/fill.sh" "$ROOT/install/run.toml" RUN="$run" >"$run/appliance.toml"
  export APPLIANCE__SERVER__HOST=127.0.0.1 APPLIANCE__SERVER__PORT=$port APPLIANCE__SERVER__LISTEN=
  layers=(--config "$run/appliance.toml")
  local file
  for file in "${configs[@]}"; do layers+=(--config "$file"); done
}

# The addresses of the certificate, as a person types them.
addresses() {
  sed -nE -e '/^DNS:localhost$|^IP:127\.|^IP:::1$/d' -e 's/^IP:(.*:.*)$/[\1]/; s/^(IP|DNS)://; p' "$run/tls/names" |
    sed "s|.*|https://&:$https_port|"
}

# start COMMAND…: in the background, out of reach of the terminal's Ctrl-C (this script decides
# the order of the end), and ended by the kernel should this script be killed outright; one whose
# script died before the kernel was told ends by itself.
start() {
  # shellcheck disable=SC2016  # for that shell to expand
  setsid setpriv --pdeathsig TERM sh -c '[ "$PPID" = "$0" ] && exec "$@"' $$ "$@" 7>&- 8>&- 9>&- </dev/null &
}

daemon_command() { printf '%s\0' "$VENV/bin/appliance" run "${layers[@]}"; }

start_daemon() {
  # What people say stands in its database: for their own eyes.
  umask 077
  start "${daemon[@]}"
  daemon_pid=$!
  umask 022
}

# One that is here already is not looked at again; `appliance models verify` does that.
fetch_command() {
  local -a names
  read -ra names <<<"$models"
  printf '%s\0' "$VENV/bin/appliance" models pull --missing "${layers[@]}" -- "${names[@]}"
}

# Fetches models beside the appliance, which talks with its starter engines meanwhile and takes the
# models over as they come.
start_fetch() {
  [[ $models != none ]] || return 0
  start "${fetch[@]}" >&7 2>&1
  fetch_pid=$!
}

# What has arrived is kept. The signal is sent again, because a process that has only just begun may
# not have heard it.
stop_fetch() {
  local tick=0
  [[ -n $fetch_pid ]] || return 0
  while kill -0 "$fetch_pid" 2>/dev/null; do
    ((tick++ % 30)) || kill -TERM "$fetch_pid" 2>/dev/null || true
    sleep 0.1
  done
}

# answers ADDRESS PORT PATH: with 200.
answers() (
  exec 2>/dev/null 3<>"/dev/tcp/$1/$2" &&
    printf 'GET %s HTTP/1.0\r\nHost: %s:%s\r\n\r\n' "$3" "$1" "$2" >&3 &&
    IFS= read -r -t 2 line <&3 && [[ $line == *' 200 '* ]]
)

# The daemon, and nginx before it: an address that nobody serves yet is not to be announced.
both_answer() { answers 127.0.0.1 "$port" /health && answers "${bind/#0.0.0.0/127.0.0.1}" "$http_port" /trust.json; }

both_run() { kill -0 "$daemon_pid" 2>/dev/null && kill -0 "$nginx_pid" 2>/dev/null; }

# 0 as soon as both answer; 1 when they are not going to.
await_health() {
  local last=$((SECONDS + 60))
  while [[ -z $asked_to_stop ]] && both_run; do
    both_answer && return 0
    ((SECONDS < last)) || { warn "The appliance (port $port) or nginx before it (port $http_port) did not answer within a minute; what nginx says is in $run/nginx/error.log." && return 1; }
    sleep 0.1
  done
  return 1
}

announce() {
  printf '\nThe appliance is at  %shttps://localhost:%s%s\n' "$BOLD" "$https_port" "$PLAIN"
  if [[ $bind == 0.0.0.0 ]]; then
    addresses | sed 's/^/                     /'
    printf 'http://…:%s tells other devices how to trust its certificate, whose CA has the fingerprint\n' "$http_port"
  else
    printf 'http://localhost:%s tells how to trust its certificate, whose CA has the fingerprint\n' "$http_port"
  fi
  sed -E 's/.*"fingerprint": "([^"]*)".*"words": "([^"]*)".*/\1\nwhich begins, in words: \2/' "$run/nginx/trust.json"
  echo
  timeout 15 "$VENV/bin/appliance" pair --no-fingerprint "${layers[@]}" </dev/null ||
    say "No pairing code was made (above is why); later: .venv/bin/appliance pair ${layers[*]@Q}"
  printf '\nCtrl-C stops it.\n'
}

# The exit status of a child, however often a signal interrupts the waiting.
status_of() {
  local code
  while :; do
    code=0
    wait "$1" || code=$?
    kill -0 "$1" 2>/dev/null || return "$code"
  done
}

# Once: a second SIGTERM may mean "at once" to it.
tell_daemon() {
  [[ -n $daemon_pid && -z $daemon_told ]] || return 0
  daemon_told=yes
  kill -TERM "$daemon_pid" 2>/dev/null || true
}

# The daemon reads its settings again. A terminal that was closed is no such wish: it stops
# everything, because nobody could press Ctrl-C any more.
hung_up() {
  if [[ -n $terminal ]] && ! : 2>/dev/null </dev/tty; then
    asked_to_stop=yes
    tell_daemon
  elif [[ -n $daemon_pid ]]; then
    kill -HUP "$daemon_pid" 2>/dev/null || true
  fi
}

# The daemon first: it lets the sentence being spoken finish, and its clients hear of the end
# through nginx.
take_down() {
  local code=0
  trap 'kill -KILL "$daemon_pid" 2>/dev/null' INT
  trap '' TERM HUP
  tell_daemon
  stop_fetch
  status_of "$daemon_pid" || code=$?
  kill -TERM "$nginx_pid" 2>/dev/null || true
  status_of "$nginx_pid" || true
  return "$code"
}

# Runs both until one of them ends or somebody asks; the daemon's exit status is ours.
#
# Bash 5.2 parses $(…) and <(…) anew as it runs them, and a trap that interrupts that is parsed as a
# part of it and fails: from the trap on, nothing here may have one.
serve() {
  local code=0 ended=''
  local -a daemon fetch
  asked_to_stop='' daemon_pid='' daemon_told='' fetch_pid='' terminal=''
  # shellcheck disable=SC2188  # only to see whether it opens
  ! : 2>/dev/null </dev/tty || terminal=yes
  mapfile -d '' -t daemon < <(daemon_command)
  mapfile -d '' -t fetch < <(fetch_command)
  # A pipe makes `models pull` write lines, which do not disturb the log's.
  exec 7> >(trap '' INT TERM HUP && exec cat >&2)
  trap 'asked_to_stop=yes && tell_daemon' INT TERM
  trap hung_up HUP
  start "${nginx[@]}"
  nginx_pid=$!
  start_daemon
  if await_health; then
    announce
    [[ -n $asked_to_stop ]] || start_fetch
    while [[ -z $asked_to_stop ]] && both_run; do wait -n "$daemon_pid" "$nginx_pid" || true; done
  fi
  if [[ -z $asked_to_stop ]]; then
    kill -0 "$nginx_pid" 2>/dev/null || ended=nginx
    kill -0 "$daemon_pid" 2>/dev/null || ended=daemon
  fi
  [[ -z $asked_to_stop ]] || step "Stopping; Ctrl-C again does not wait for it"
  take_down || code=$?
  case $asked_to_stop/$ended in
    yes/*) ((code == 0)) || warn "The appliance ended with exit status $code." ;;
    /daemon) warn "The appliance ended by itself with exit status $code; nginx was stopped too." ;;
    /nginx) warn "nginx ended by itself; the appliance was stopped too. Its log: $run/nginx/error.log" && code=1 ;;
    *) code=1 ;;
  esac
  return "$code"
}

run_appliance() {
  parse_run "$@"
  check_machine
  check_ports
  install_lock
  install_missing nginx=nginx openssl=openssl hostname=hostname setpriv=util-linux
  ensure_venv run
  ensure_page
  install_unlock
  # Again: installing takes minutes, and another program's /health must not pass for ours.
  check_ports
  mkdir -p -- "$run"
  exec 9>"$run/lock"
  flock -n 9 || die "the appliance already runs with $run; --run-dir and the ports make room for a second"
  "$ROOT/nginx/certificate.sh" "$run/tls" >/dev/null
  prepare_daemon
  prepare_nginx
  local code=0
  serve || code=$?
  exit "$code"
}
