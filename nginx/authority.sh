# shellcheck shell=bash disable=SC2154  # the variables are certificate.sh's
# A part of certificate.sh: the local CA, made once, because every phone must trust it anew.

readonly CA_DAYS=3650

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
  # The key last: while it is missing, the CA counts as not made.
  rm -f -- "$dir/ca.key"
  mv -f -- "$work/ca.crt" "$work/ca.cer" "$work/ca.host" "$dir"
  mv -f -- "$work/ca.key" "$dir"
}

is_constrained() {
  openssl x509 -in "$1" -noout -ext nameConstraints 2>/dev/null | grep -q Permitted
}

# Whether there is a CA, valid for long enough, with the limits it is asked for.
ca_is_good() {
  local limits=''
  [[ -e $dir/ca.key && -e $dir/ca.crt && -e $dir/ca.cer && -e $dir/ca.host ]] || return
  openssl x509 -in "$dir/ca.crt" -noout -checkend "$SPARE_SECONDS" >/dev/null || return
  if is_constrained "$dir/ca.crt"; then limits=yes; fi
  [[ $limits == "$constrained" ]]
}
