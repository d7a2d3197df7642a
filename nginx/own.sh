# shellcheck shell=bash disable=SC2154,SC2034  # the variables are certificate.sh's
# A part of certificate.sh: a certificate that the owner of the machine brings along. Whoever
# renews it, renews it where it stands; nginx only has to read it again.

by_own_certificate() {
  local print names
  check_own
  names=$(own_names)
  [[ -n $names ]] || die "$own_certificate names no host (it has no subjectAltName); browsers refuse it"
  print=$(openssl x509 -in "$own_certificate" -noout -fingerprint -sha256)
  # A name that the certificate has is one to be asked by.
  hosts=$(printf '%s\n%s\n' "$hosts" "$names" | awk '!seen[$0]++')
  [[ -L $dir/server.crt && $(readlink -- "$dir/server.crt") == "$own_certificate" &&
    -e $dir/own && $(<"$dir/own") == "$print" ]] && return
  ln -sfn -- "$own_key" "$work/server.key"
  ln -sfn -- "$own_certificate" "$work/server.crt"
  mv -fT -- "$work/server.key" "$dir/server.key"
  mv -fT -- "$work/server.crt" "$dir/server.crt"
  keep names "$names"
  keep own "$print"
  result=renewed
}

check_own() {
  local key
  key=$(openssl pkey -in "$own_key" -pubout 2>/dev/null </dev/null) || die "$own_key is no private key without a password"
  [[ $(openssl x509 -in "$own_certificate" -noout -pubkey 2>/dev/null) == "$key" ]] ||
    die "$own_certificate is no certificate of $own_key"
  openssl x509 -in "$own_certificate" -noout -checkend 0 >/dev/null || die "$own_certificate has expired"
}

own_names() {
  openssl x509 -in "$own_certificate" -noout -ext subjectAltName 2>/dev/null |
    grep -oE '(DNS|IP Address):[^, ]+' | sed -E 's/^IP Address:/IP:/' | grep -v '\*' || true
}
