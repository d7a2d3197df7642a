# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: the appliance on a machine, from the first question to the self-test.

readonly PREFIX=/opt/voice-appliance STATE=/var/lib/voice-appliance CONFIGURATION=/etc/voice-appliance
readonly RELEASES=$PREFIX/releases PLACED=$PREFIX/placed LOCK=/run/voice-appliance-install.lock
readonly TLS=$CONFIGURATION/tls SITE=$CONFIGURATION/nginx NGINX=/etc/nginx NGINX_LOG=/var/log/nginx/voice-appliance
readonly SYSTEMD=/etc/systemd/system SOCKET=/run/voice-appliance/http.sock USER_NAME=voice-appliance
# In a release the units have the name of their purpose, in a checkout that of their language.
if [[ -d $ROOT/systemd ]]; then readonly UNITS=systemd; else readonly UNITS=units; fi

# ── What the owner chose ─────────────────────────────────────────────────────────────────────
# Kept, so that the next run, an update and a rollback do the same without being told again.

# Of the last one, every release must know; without that, those from before cannot read the file.
readonly CHOICES=(https_port http_port http_port_given bind no_nginx tls_cert tls_key tls_local name_constraints
  power_mode models ready_seconds)
https_port=443 http_port=80 http_port_given='' bind=0.0.0.0 no_nginx='' tls_cert='' tls_key='' power_mode='' ready_seconds=300
tls_local='' name_constraints='' new_authority='' models=unsaid
bundle='' given_bundle='' given_models='' wanted_models='' wheels_directory='' retry_gpu='' assume_yes=''

load_choices() {
  local name value
  [[ -e $CONFIGURATION/install.conf ]] || return 0
  # People write comments into it, and forget the end of its last line.
  while IFS='=' read -r name value || [[ -n $name ]]; do
    [[ " ${CHOICES[*]} " == *" $name "* ]] || continue
    printf -v "$name" '%s' "$value"
  done <"$CONFIGURATION/install.conf"
}

choices() {
  local name
  printf '# What install.sh was told; it does the same the next time. Its options change it.\n'
  for name in "${CHOICES[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done
}

check_choices() {
  todo="keep what you chose in $CONFIGURATION/install.conf"
  [[ -e $CONFIGURATION/install.conf ]] && cmp -s -- "$CONFIGURATION/install.conf" <(choices)
}

do_choices() {
  choices >"$PREFIX/.choices"
  replace_file "$PREFIX/.choices" "$CONFIGURATION/install.conf" 0644
  rm -f -- "$PREFIX/.choices"
}

existing_file() { realpath -e -- "$1" 2>/dev/null || misused "there is no $1"; }

# Of a certificate that is renewed by moving links, the link is what has to be kept.
link_or_file() { realpath -es -- "$1" 2>/dev/null || misused "there is no $1"; }

# Whoever finds a fault in a value has told it.
parse_value() {
  case $1 in
    --offline) given_bundle=$2 bundle=$(existing_file "$2") || exit ;;
    --wheels) wheels_directory=$2; [[ $2 == none ]] || wheels_directory=$(existing_file "$2") || exit ;;
    --models) models=${2:-none} given_models=yes ;;
    --tls-cert) tls_local='' tls_cert=$(link_or_file "$2") || exit ;;
    --tls-key) tls_key=$(link_or_file "$2") || exit ;;
    --https-port) https_port=$(port_of "$1" "$2") || exit ;;
    --http-port) http_port=$(port_of "$1" "$2") || exit; http_port_given=yes ;;
    --bind) bind=$2 ;;
    --power) power_mode=$2; [[ $2 != none ]] || power_mode='' ;;
    --ready-seconds) ready_seconds=$2 ;;
  esac
}

parse_device() {
  while (($#)); do
    case $1 in
      --offline | --wheels | --models | --tls-cert | --tls-key | --https-port | --http-port | --bind | --power | --ready-seconds)
        (($# >= 2)) || misused "$1 needs a value"
        parse_value "$1" "$2"
        shift
        ;;
      --dry-run) dry_run=yes ;;
      --yes | -y) assume_yes=yes ;;
      --retry-gpu) retry_gpu=yes ;;
      --no-nginx) no_nginx=yes ;;
      --nginx) no_nginx='' ;;
      --tls-local) tls_local=yes tls_cert='' tls_key='' ;;
      --name-constraints) name_constraints=yes ;;
      --no-name-constraints) name_constraints=no ;;
      --new-authority) new_authority=yes ;;
      *) misused "install does not know '$1'" ;;
    esac
    shift
  done
  [[ $ready_seconds =~ ^[1-9][0-9]{0,4}$ ]] || misused '--ready-seconds needs a number'
  [[ $https_port != "$http_port" ]] || misused 'the two ports must differ'
  [[ -z $new_authority || -z $tls_cert$no_nginx ]] || misused '--new-authority is for a local CA, and here is none'
  # Without a word about models: those that fit the machine. A bundle is for want of a network, so
  # beside it only what is asked for in this very run is fetched.
  wanted_models=$models
  [[ $models != unsaid ]] || wanted_models=recommended
  if [[ $models == none || (-n $bundle && -z $given_models) ]]; then wanted_models=''; fi
}

confirm() {
  [[ -z $assume_yes ]] || return 0
  say "$1"
  [[ -t 0 ]] || die 'nobody is here to be asked; --yes says yes'
  local answer
  read -rp 'Go on? [y/N] ' answer
  [[ ${answer,,} == y* ]] || die 'nothing was changed'
}

# ── install and update ───────────────────────────────────────────────────────────────────────

readonly MACHINE_STEPS=(packages user directories configuration choices python gpu_wheels gpu_retry)
readonly RELEASE_STEPS=(sources environment seal models certificate preflight backup flip)

device_python() { python=$(find_device_python) && choose_gpu && identify_release; }

introduce() {
  local before
  before=$(current_release)
  if [[ -z $before ]]; then
    step "Installing the Voice Appliance $(version) on $(uname -n)"
  else
    step "The Voice Appliance on $(uname -n): $before is installed"
  fi
  confirm "It goes to $PREFIX, $STATE and $CONFIGURATION, and serves ports $https_port and $http_port."
}

rehearse() {
  step 'What would be done'
  run_steps "${MACHINE_STEPS[@]}"
  if [[ -n $python ]]; then
    run_steps "${RELEASE_STEPS[@]}"
  else
    tell release 'would be built with the Python that is brought'
  fi
  run_steps "${LIVE_STEPS[@]}"
  clean_up
  if nothing_changed; then step 'Nothing would be changed.'; else step 'Nothing was changed.'; fi
}

clean_up() {
  rm -rf -- "$PREFIX/incoming" "$PREFIX/.wheels" "$PREFIX/.site" "$PREFIX/.devices.conf" "$PREFIX"/.preflight-*
  rmdir --ignore-fail-on-non-empty -- "$PREFIX" 2>/dev/null || true
}

install_device() {
  arguments=("$@")
  local what=$1
  shift
  load_choices
  parse_device "$@"
  check_rights
  ((${#faults[@]} == 0)) || die "${faults[0]}"
  device_lock
  [[ $what != update || -L $PREFIX/current ]] || die 'nothing is installed here that could be updated'
  enter_bundle
  [[ -e $ROOT/appliance/__init__.py ]] ||
    die "this is an installed release; an update comes from a checkout, or from a bundle: update --offline FILE"
  # A Python may be missing yet, and then everything is still to be done.
  check_board
  device_python || true
  check_everything
  if [[ -n $dry_run ]]; then rehearse && return; fi
  introduce
  run_steps "${MACHINE_STEPS[@]}"
  run_steps "${RELEASE_STEPS[@]}"
  go_live
  clean_up
  conclude
}

conclude() {
  if nothing_changed; then step 'Nothing was changed: everything is already so.'; else step "Release $release_id runs."; fi
  [[ ! -e $PREFIX/probation ]] || say 'It is on probation for ten minutes: should it fail, the release before comes back.'
  grep -qs '^gpu' "$release/venv/.gpu" || [[ $board == none ]] ||
    warn "The GPU is not used: $(sed 's/^processor //' "$release/venv/.gpu")."
  if [[ -z $no_nginx ]]; then
    say 'It is at'
    own_hosts | sed "s|.*|  https://&$(suffix "$https_port" 443)|" >&2
    say "and the same address with http://…$(suffix "$http_port" 80) tells how to trust its certificate.$(authority_words)"
  else
    say "It listens on $SOCKET; a server of your own has to stand before it."
  fi
  say 'sudo appliance pair makes a code for the first browser.'
}

# What the trust page shows, to compare with; nothing where the certificate is the owner's own.
authority_words() { sed -nE 's/.*"words": "([^"]+)".*/ In words, its CA is: \1/p' "$SITE/trust.json"; }

# As people type them, without those that mean this machine only to itself.
own_hosts() { sed -nE '/^DNS:localhost$|^IP:127\.|^IP:::1$/d; s/^IP:(.*:.*)$/[\1]/; s/^(IP|DNS)://; p' "$TLS/hosts"; }

suffix() { [[ $1 == "$2" ]] || printf ':%s' "$1"; }
