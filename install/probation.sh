#!/usr/bin/env bash
# Ends the ten minutes in which a new release has to prove itself.
set -Eeuo pipefail
exec "$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")/../install.sh" end-probation
