#!/usr/bin/env bash
# devices.sh [ROOT]
# Prints the drop-in that gives the daemon this board's GPU, to be written to
# /etc/systemd/system/voice-appliance.service.d/devices.conf; prints nothing where there is no GPU of
# NVIDIA's. To be run on the board itself: systemd looks the devices up when the unit starts, and
# silently grants nothing for a name that is not there. ROOT stands in for / in the tests.
set -Eeuo pipefail
shopt -s nullglob

# Kinds of character devices, as /proc/devices names them, by which a GPU of NVIDIA's is reached:
# on a Jetson those of its memory, engines and display, on a card those of the driver.
wanted='^(nvidia|nvidia-.*|nvidia[0-9]+|nvmap|nvhost.*|nvgpu.*|nvsciipc.*|host1x.*|tegra.*)$'

kinds() {
  awk -v wanted="$wanted" '/^Block devices/ { exit } $2 ~ wanted { print $2 }' "$1/proc/devices" | sort -u
}

# Nodes need their own lines as well: some (nvmap) are of a kind that they share with other devices.
nodes() {
  local file
  for file in "$1"/dev/{nvmap,nvhost-,nvsciipc,nvidia,host1x-fence}* "$1"/dev/nvgpu/*/* "$1"/dev/dri/renderD*; do
    [[ -c $file || (-f $file && -n $1) ]] && printf '%s\n' "${file#"$1"}"
  done
  return 0
}

# The groups that own those nodes, where a group has any right on them.
groups() {
  local file owner
  while read -r file; do
    owner=$(stat -c '%G %A' -- "$1$file")
    [[ $owner == 'root '* || $owner == 'UNKNOWN '* || ${owner#* } != ????rw???? ]] || printf '%s\n' "${owner%% *}"
  done | sort -u
}

main() {
  local root=${1:-} kind node group
  local -a found members
  [[ -n $(kinds "$root") || -e $root/dev/nvidiactl || -e $root/dev/nvmap ]] || return 0
  mapfile -t found < <(nodes "$root")
  mapfile -t members < <(printf '%s\n' "${found[@]}" | groups "$root")
  cat <<'TEXT'
# Written by devices.sh on this board: its GPU, and no other device, for the daemon.

[Service]
PrivateDevices=no
DevicePolicy=closed
TEXT
  while read -r kind; do printf 'DeviceAllow=char-%s rw\n' "$kind"; done < <(kinds "$root")
  for node in "${found[@]}"; do printf 'DeviceAllow=%s rw\n' "$node"; done
  for group in "${members[@]}"; do printf 'SupplementaryGroups=%s\n' "$group"; done
}

main "$@"
