# shellcheck shell=bash
# A part of install.sh: lets this kernel run programs for arm64, for the time of a test.

readonly BINARY_FORMATS=/proc/sys/fs/binfmt_misc
formats_mounted='' arm64_registered=''

# From here to the end of this script, however that comes. What is there already is left as it is.
emulate_arm64() {
  [[ $(uname -m) != aarch64 ]] || die 'this is an arm64 machine: the tests without --arm64 are those for it'
  ((EUID == 0)) || die '--arm64 needs root: it boots a system, and tells the kernel how to run it'
  install_missing qemu-aarch64-static=qemu-user-static
  trap stop_emulating EXIT
  if [[ ! -e $BINARY_FORMATS/register ]]; then
    modprobe binfmt_misc 2>/dev/null || true # most kernels have it built in
    mount -t binfmt_misc binfmt_misc "$BINARY_FORMATS" || die 'this kernel has no binfmt_misc; it cannot emulate'
    formats_mounted=yes
  fi
  [[ ! -e $BINARY_FORMATS/qemu-aarch64 ]] || return 0
  # The package's own line: the kernel opens the emulator now, and needs no file in the other system.
  cat /usr/lib/binfmt.d/qemu-aarch64.conf >"$BINARY_FORMATS/register"
  arm64_registered=yes
}

stop_emulating() {
  [[ -z $arm64_registered ]] || echo -1 >"$BINARY_FORMATS/qemu-aarch64"
  [[ -z $formats_mounted ]] || umount "$BINARY_FORMATS"
  arm64_registered='' formats_mounted=''
}
