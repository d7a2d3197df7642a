#!/usr/bin/env bash
# sdboot.sh NAME LOWER STATE [SOURCE:TARGET]…
# Boots the Debian root LOWER with its own systemd as process 1, in namespaces of its own: no
# container engine, no virtual machine. LOWER stays as it is; what changes is kept in STATE, so the
# same STATE boots again as a machine that was switched off. Each SOURCE is seen, read-only, at
# TARGET. Stays in the foreground as the parent of process 1; when it is killed, all of it is gone.
# Needs root, cgroup2 and a kernel with namespaces and overlayfs.
set -Eeuo pipefail

controls() {
  local directory=/sys/fs/cgroup/unified
  [[ -d $directory ]] || directory=/sys/fs/cgroup
  printf '%s' "$directory"
}

# The root of the machine: LOWER with STATE over it, and the directories lent to it.
lay_root() {
  local lower=$1 state=$2 root=$2/root pair
  shift 2
  mkdir -p -- "$state/upper" "$state/work" "$root"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$state/upper,workdir=$state/work" "$root"
  for pair in "$@"; do
    mkdir -p -- "$root/${pair#*:}"
    mount --bind -- "${pair%%:*}" "$root/${pair#*:}"
    mount -o remount,bind,ro -- "$root/${pair#*:}"
  done
}

# What a kernel and an initrd would have made: /proc, /sys, the devices that every process may use.
lay_kernel() {
  local root=$1 device
  mount -t proc proc "$root/proc" -o nosuid,nodev,noexec
  mount -t sysfs sysfs "$root/sys" -o nosuid,nodev,noexec,ro
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" -o nosuid,nodev,noexec
  mount -t tmpfs tmpfs "$root/dev" -o nosuid,mode=755
  mkdir -p -- "$root/dev/pts" "$root/dev/shm"
  for device in null zero full random urandom tty; do
    touch -- "$root/dev/$device"
    mount --bind -- "/dev/$device" "$root/dev/$device"
  done
  mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666,mode=620,gid=5
  mount -t tmpfs tmpfs "$root/dev/shm" -o nosuid,nodev
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s fd/0 "$root/dev/stdin"
  ln -s fd/1 "$root/dev/stdout"
  ln -s fd/2 "$root/dev/stderr"
  mount -t tmpfs tmpfs "$root/run" -o nosuid,nodev,mode=755
  mount -t tmpfs tmpfs "$root/tmp" -o nosuid,nodev,mode=1777
}

# Inside the new namespaces.
begin() {
  local name=$1 state=$3
  lay_root "${@:2}"
  if [[ ! -e $state/upper/etc/hostname ]]; then
    printf '%s\n' "$name" >"$state/root/etc/hostname"
    printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$name" >"$state/root/etc/hosts"
  fi
  lay_kernel "$state/root"
  ip link set lo up
  cd -- "$state/root"
  mkdir -p .old
  pivot_root . .old
  # Shared, as on a real machine: systemd hands mounts (credentials) down to its services.
  # shellcheck disable=SC2016  # expanded by the shell in there
  exec chroot . /bin/bash -c 'umount -l /.old && rmdir /.old && mount --make-rshared / &&
    exec env -i container=sdboot PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
      /lib/systemd/systemd --system --log-target=journal </dev/null'
}

main() {
  if [[ ${1:-} == --inside ]]; then
    shift
    begin "$@"
  fi
  local group
  group=$(controls)/sdboot-$1
  mkdir -p -- "$group"
  # In its own group before the namespace is made: that group is then the root systemd sees.
  echo $$ >"$group/cgroup.procs"
  exec unshare --pid --fork --kill-child=KILL --mount --uts --ipc --net --cgroup \
    --propagation private -- /bin/bash "$0" --inside "$@" </dev/null
}

main "$@"
