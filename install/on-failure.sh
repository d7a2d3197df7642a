#!/usr/bin/env bash
# on-failure UNIT: systemd calls it when a unit of the appliance has failed for good. A release on
# probation is left for the one before it; otherwise the journal says what to do.
set -Eeuo pipefail
prefix=/opt/voice-appliance

main() {
  local unit=${1:?the unit that failed} installer
  installer=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")/../install.sh
  if [[ $unit == voice-appliance.service && -e $prefix/probation ]]; then
    echo "$unit failed during the probation of its release; going back"
    exec "$installer" rollback --automatic
  fi
  echo "$unit has failed. journalctl -u $unit says why; systemctl restart $unit tries again."
  [[ ! -s $prefix/previous ]] || echo "$prefix/current/install.sh rollback goes back to $(cat -- "$prefix/previous")."
}

main "$@"
