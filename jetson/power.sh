#!/usr/bin/env bash
# power.sh list | is NAME | remember NAME | apply | restore
# The power mode of a Jetson, by its name: the numbers differ from board to board. /etc/voice-appliance/power
# holds the mode to have ("mode NAME") and the one there was ("before NAME").
set -Eeuo pipefail

FILE=${POWER_FILE:-/etc/voice-appliance/power}
MODES=${POWER_MODES:-/etc/nvpmodel.conf}

die() {
  echo "power.sh: $*" >&2
  exit 1
}

# ID<tab>NAME of every mode of this board.
modes() {
  [[ -e $MODES ]] || die "this board has no power modes ($MODES)"
  sed -nE 's/^<[[:space:]]*POWER_MODEL[[:space:]]+ID=([0-9]+)[[:space:]]+NAME=([^[:space:]>]+).*/\1\t\2/p' "$MODES"
}

present() { nvpmodel -q 2>/dev/null | sed -nE 's/.*NV Power Mode: *([^[:space:]]+).*/\1/p'; }

id_of() {
  local id
  id=$(modes | awk -F'\t' -v name="$1" '$2 == name { print $1; exit }')
  [[ -n $id ]] || die "this board has no power mode $1; it has: $(modes | cut -f2 | paste -sd' ')"
  printf '%s' "$id"
}

kept() { [[ ! -e $FILE ]] || sed -nE "s/^$1 (.+)/\1/p" "$FILE"; }

# Some modes are only reached by a new start of the board; nvpmodel asks, and no is the answer.
set_mode() {
  local id
  id=$(id_of "$1")
  [[ $(present) == "$1" ]] && return
  nvpmodel -m "$id" <<<NO || die "nvpmodel did not accept mode $1"
  [[ $(present) == "$1" ]] || echo "power.sh: mode $1 takes effect with the next start of the board"
}

remember() {
  local before
  id_of "$1" >/dev/null
  before=$(kept before)
  [[ -n $before ]] || before=$(present)
  printf 'mode %s\nbefore %s\n' "$1" "$before" >"$FILE.new"
  mv -f -- "$FILE.new" "$FILE"
}

main() {
  case ${1:-} in
    list) modes | cut -f2 ;;
    is) [[ $(kept mode) == "${2?}" ]] ;;
    remember) remember "${2?}" ;;
    apply) set_mode "$(kept mode)" ;;
    restore)
      [[ -e $FILE ]] || return 0
      set_mode "$(kept before)"
      rm -f -- "$FILE"
      ;;
    *) die 'list, is NAME, remember NAME, apply or restore' ;;
  esac
}

main "$@"
