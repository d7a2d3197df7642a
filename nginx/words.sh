#!/usr/bin/env bash
# words.sh CERTIFICATE
# The first 48 bits of its SHA-256 fingerprint as six words of words.txt (eight bits each), which
# people compare more readily than numbers. Whoever expects a forger with days to spare compares
# the whole fingerprint.
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

main() {
  local print number
  local -a words six=()
  mapfile -t words <"$here/words.txt"
  ((${#words[@]} == 256)) || { echo "words.sh: words.txt must have 256 words" >&2 && return 2; }
  print=$(openssl x509 -in "$1" -noout -fingerprint -sha256)
  print=${print#*=}
  for number in ${print:0:2} ${print:3:2} ${print:6:2} ${print:9:2} ${print:12:2} ${print:15:2}; do
    six+=("${words[16#$number]}")
  done
  echo "${six[*]}"
}

main "$@"
