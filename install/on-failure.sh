#!/usr/bin/env bash
# on-failure UNIT: systemd calls it when a unit of the appliance has failed for good. A release on
# probation is left for the one before it; otherwise the journal says what to do.
set -Eeuo pipefail
prefix=/opt/voice-appliance

of() { systemctl show --property="$2" --value "$1"; }

# Settings are the owner's: no other release makes good ones of them, and no restart either.
has_wrong_settings() { [[ $(of "$1" ExecMainStatus) == 78 ]]; }

# systemd counts starts by hand as well, and refuses too many of them. None has failed by then.
was_only_restarted() { [[ $(of "$1" Result) == start-limit-hit && $(of "$1" NRestarts) == 0 ]]; }

main() {
  local unit=${1:?the unit that failed} installer
  installer=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")/../install.sh
  if [[ $unit == voice-appliance.service ]]; then
    if has_wrong_settings "$unit"; then
      echo "$unit cannot use its settings: \`appliance config check\` says why. After mending them:"
      echo "systemctl reset-failed $unit; systemctl start $unit"
      return
    elif was_only_restarted "$unit"; then
      echo "$unit was restarted by hand too often for systemd, and has not failed: starting it"
      systemctl reset-failed "$unit"
      exec systemctl start "$unit"
    elif [[ -e $prefix/probation ]]; then
      echo "$unit failed during the probation of its release; going back"
      exec "$installer" rollback --automatic
    fi
  fi
  echo "$unit has failed. journalctl -u $unit says why; systemctl restart $unit tries again."
  [[ ! -s $prefix/previous ]] || echo "$prefix/current/install.sh rollback goes back to $(cat -- "$prefix/previous")."
}

main "$@"
