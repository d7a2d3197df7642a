#!/usr/bin/env bash
# Runs when voice-appliance.service has ended. The socket stays open when the daemon comes back by
# itself or restarts, so that nobody is refused. It is closed when somebody stopped the daemon (the
# next visitor would start it again) and when the configuration cannot be used (every visitor
# would, in vain).
set -Eeuo pipefail
unit=voice-appliance.service
socket=voice-appliance.socket

# The manager's own word for what is going on: of a restart, this stop is only the first half.
is_being_stopped() {
  systemctl list-jobs --no-legend --full | awk -v unit="$unit" '$2 == unit && $3 == "stop" { found = 1 } END { exit !found }'
}

if [[ ${EXIT_STATUS:-} == 78 ]] || is_being_stopped; then
  # Without waiting: the socket is closed only after this unit has ended.
  systemctl --no-block stop "$socket"
fi
