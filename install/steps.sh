# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: what a step is, and how files are placed so that they can be taken away.
#
# A step NAME is two functions. check_NAME returns 0 where everything is already so, and otherwise
# says in `todo` what is to be done; it changes nothing and may be asked at any time. do_NAME does
# it, from whatever an interrupted run has left. After it the check is asked again.

declare -A changed=()
todo='' dry_run=''

tell() { printf '  %-14s %s\n' "$1" "$2" >&2; }

run_step() {
  local name=$1
  todo='bring it in order'
  if "check_$name"; then
    tell "$name" unchanged
    return
  fi
  if [[ -n $dry_run ]]; then
    changed[$name]=yes
    tell "$name" "would $todo"
    return
  fi
  tell "$name" "$todo …"
  "do_$name"
  "check_$name" || die "step $name is not complete after it ran; still to do: $todo"
  changed[$name]=yes
  tell "$name" "done"
}

run_steps() {
  local name
  for name in "$@"; do run_step "$name"; done
}

nothing_changed() { ((${#changed[@]} == 0)); }

# ── Files outside the release directories ────────────────────────────────────────────────────
# Each is a copy, and each is noted before it is placed, so that an uninstallation finds it even
# after an interruption, and so does an update that does not bring it any more.

is_placed() { [[ -f $2 ]] && cmp -s -- "$1" "$2" && grep -qxF -- "$2" "$PLACED" 2>/dev/null; }

note_placed() {
  mkdir -p -- "$PREFIX"
  grep -qxF -- "$1" "$PLACED" 2>/dev/null || printf '%s\n' "$1" >>"$PLACED"
}

# replace_file SOURCE TARGET MODE: beside it first, so that nobody ever reads half a file.
replace_file() {
  local new
  new=$(dirname -- "$2")/.$(basename -- "$2").voice-appliance-new
  mkdir -p -- "$(dirname -- "$2")"
  rm -f -- "$new"
  install -m "$3" -- "$1" "$new"
  sync -- "$new"
  mv -fT -- "$new" "$2"
}

place() {
  is_placed "$1" "$2" && return
  # A directory that was not there goes with the last file in it.
  [[ -d $(dirname -- "$2") ]] || note_placed "$(dirname -- "$2")/"
  note_placed "$2"
  replace_file "$1" "$2" "${3:-0644}"
}

is_linked() { [[ -L $2 && $(readlink -- "$2") == "$1" ]]; }

# link TARGET NAME, in one move; the new link is made where no program looks for such files.
link() {
  is_linked "$1" "$2" && return
  local new=$PREFIX/.link
  mkdir -p -- "$PREFIX" "$(dirname -- "$2")"
  ln -sfnT -- "$1" "$new"
  mv -fT -- "$new" "$2"
}

place_link() {
  note_placed "$2"
  link "$1" "$2"
}

# take_away FILE: a placed file, and what an interruption left beside it; or a directory, if empty.
take_away() {
  if [[ $1 == */ ]]; then
    [[ ! -d $1 ]] || rmdir --ignore-fail-on-non-empty -- "$1"
  else
    rm -f -- "$1" "$(dirname -- "$1")/.$(basename -- "$1").voice-appliance-new"
  fi
  [[ -e $PLACED ]] || return 0
  grep -vxF -- "$1" "$PLACED" >"$PLACED.new" || true
  mv -f -- "$PLACED.new" "$PLACED"
}

# Nothing ends in silence, not even what nobody thought of.
report_surprises() {
  trap 'warn "install.sh: unexpected failure (status $?) in ${BASH_SOURCE[0]##*/}:$LINENO ${FUNCNAME[0]:-}; it can be run again"' ERR
}

# One installation at a time. Whoever holds it passes it on to the programs it becomes.
device_lock() {
  exec 8>"$LOCK"
  flock -n 8 || { say "Waiting for another install.sh to finish…" && flock 8; }
}
