# shellcheck shell=bash disable=SC2154,SC2034  # the variables are certificate.sh's
# A part of certificate.sh: the local CA, made once, because every phone must trust it anew. The one
# before stays in ca.old, and comes back where a clock that was wrong had it replaced.

readonly CA_DAYS=3650
readonly CA_FILES=(ca.crt ca.cer ca.host ca.key)
# What a clock made that was ahead by less will be valid soon enough.
readonly AHEAD_SECONDS=3600

new_key() {
  (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$1")
}

make_ca() {
  local host=${1:-localhost} work=$2 key
  new_key "$work/ca.key"
  # 64 letters are the most that this name may have.
  "$here/fill.sh" "$here/ca.cnf" HOST="$host" SHORT="${host:0:38}" ID="$(openssl rand -hex 3)" >"$work/ca.cnf"
  [[ -n $constrained ]] || sed -i '/^nameConstraints/d' "$work/ca.cnf"
  openssl req -x509 -new -sha256 -days "$CA_DAYS" -key "$work/ca.key" -config "$work/ca.cnf" -out "$work/ca.crt"
  key=$(openssl pkey -in "$work/ca.key" -pubout)
  [[ $(openssl x509 -in "$work/ca.crt" -noout -pubkey) == "$key" ]] || die "the new CA is not of its key"
  openssl x509 -in "$work/ca.crt" -outform DER -out "$work/ca.cer"
  printf '%s\n' "$host" >"$work/ca.host"
}

# From the working directory to its place.
place_ca() {
  local work=$1
  # The key last: while it is missing, the CA counts as not made.
  rm -f -- "$dir/ca.key"
  mv -f -- "$work/ca.crt" "$work/ca.cer" "$work/ca.host" "$dir"
  mv -f -- "$work/ca.key" "$dir"
}

# copy_ca FROM TO
copy_ca() {
  mkdir -p -- "$2"
  cp -p -- "${CA_FILES[@]/#/$1/}" "$2"
}

# The present one, where it is whole, becomes the one before.
keep_ca() {
  [[ $(ca_fault "$dir") != missing ]] || return 0
  copy_ca "$dir" "$work/ca.old"
  rm -rf -- "$dir/ca.old"
  mv -T -- "$work/ca.old" "$dir/ca.old"
}

is_constrained() {
  openssl x509 -in "$1" -noout -ext nameConstraints 2>/dev/null | grep -q Permitted
}

# moment startdate|enddate CERTIFICATE: in seconds.
moment() { date -d "$(openssl x509 -in "$2" -noout "-$1" | cut -d= -f2)" +%s; }

# What is wrong with the CA in a directory, in a word, or nothing: missing, or not whole; limits,
# where others were asked for; early, where it is not valid yet; late, where it hardly is any more.
ca_fault() {
  local file limits='' now
  for file in "${CA_FILES[@]}"; do [[ -s $1/$file ]] || { echo missing && return; }; done
  openssl x509 -in "$1/ca.crt" -noout 2>/dev/null || { echo missing && return; }
  now=$(date +%s)
  if is_constrained "$1/ca.crt"; then limits=yes; fi
  if [[ $limits != "$constrained" ]]; then
    echo limits
  elif (($(moment startdate "$1/ca.crt") > now + AHEAD_SECONDS)); then
    echo early
  elif (($(moment enddate "$1/ca.crt") < now + SPARE_SECONDS)); then
    echo late
  fi
}

# Whether a time server confirms this machine's clock: yes, no, or nothing where nobody can tell, as
# in a container, which has the clock of its host.
synchronised() { timedatectl show --property=NTPSynchronized --value 2>/dev/null || true; }

# Sees to it that there is a CA. Because of its age it is replaced only when the clock can be
# believed: one that wakes in another century would cost the trust of every phone.
ensure_ca() {
  local fault
  fault=$(ca_fault "$dir")
  [[ -n $fault || -n $new_authority ]] || return 0
  if [[ -z $new_authority && $fault == late && $(synchronised) == no ]]; then
    (($(moment enddate "$dir/ca.crt") > $(date +%s))) || doubt_clock "was valid until $(day enddate)"
    say "the certificate authority ends on $(day enddate); --new-authority makes another, which every browser has to trust anew"
  elif [[ -z $new_authority && -z $(ca_fault "$dir/ca.old") ]]; then
    check_clock
    copy_ca "$dir/ca.old" "$work"
    place_ca "$work"
    result=made
    say "the certificate authority before this one is good again, and is back"
  else
    [[ -n $new_authority || $fault != early || $(synchronised) != no ]] || doubt_clock "is valid from $(day startdate)"
    check_clock
    make_ca "$host" "$work"
    # Whoever asks for another may have lost the key of this one: that must never come back.
    if [[ -n $new_authority ]]; then rm -rf -- "$dir/ca.old"; else keep_ca; fi
    place_ca "$work"
    result=made
    say "made a certificate authority; browsers that trusted an older one must trust this one"
  fi
}

# day startdate|enddate: of the CA.
day() { date -I -d "@$(moment "$1" "$dir/ca.crt")"; }

doubt_clock() {
  die "the certificate authority $1, and today is $(date -I) by a clock that no time server confirms; set it (timedatectl)," \
    "or, if it is right, have another authority made with --new-authority, which every browser has to trust anew"
}
