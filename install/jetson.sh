# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: what a Jetson needs beside. What is decided here is decided by
# jetson/gpu.py; on any other machine it decides that nothing is to be done.

board='' board_reason='' gpu_choice=''

# A Python that can read the board; before 3.10 it is that of JetPack 5 or older.
board_python() {
  local candidate
  for candidate in "$python" /usr/bin/python3 "$PREFIX"/python/*/bin/python3; do
    [[ -x $candidate ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null &&
      { printf '%s' "$candidate" && return; }
  done
  return 1
}

is_jetson() { grep -qz '^nvidia,tegra' /proc/device-tree/compatible 2>/dev/null || [[ -e /etc/nv_tegra_release ]]; }

# Sets `board` (none, processor, gpu) and the reason.
check_board() {
  local reader
  if ! is_jetson; then
    board=none board_reason='this is no Jetson'
  elif reader=$(board_python); then
    read -r board board_reason < <("$reader" "$ROOT/jetson/gpu.py" gate)
  else
    board=processor board_reason='this system is older than JetPack 6'
  fi
  [[ $board != processor ]] || warn "The GPU of this Jetson is not used: $board_reason."
}

# The CUDA and cuDNN libraries that come with JetPack; minimal images leave them out.
board_packages() {
  [[ $board == gpu ]] || return 0
  local libraries
  libraries=$(ldconfig -p)
  if [[ $libraries != *libcudnn.so.9* || $libraries != *libcublas.so* ]]; then
    if apt-cache show nvidia-jetpack-runtime >/dev/null 2>&1; then
      echo nvidia-jetpack-runtime
    else
      echo nvidia-jetpack
    fi
  fi
}

# Asks once; sets gpu_choice to the lines of gpu.py.
choose_gpu() {
  [[ -z $gpu_choice ]] || return 0
  if [[ -z $wheels_directory && $board != gpu ]]; then
    gpu_choice="processor $board_reason"
    return
  fi
  local -a given=()
  [[ -z $wheels_directory ]] || given=(--wheels "$wheels_directory")
  gpu_choice=$("$python" "$ROOT/jetson/gpu.py" choose --python "$(python_tag "$python")" "${given[@]}") ||
    die "--wheels $wheels_directory cannot be used"
}

# What distinguishes one set of GPU wheels from another; "processor" where there are none.
gpu_stack() {
  choose_gpu
  if [[ $gpu_choice == gpu* ]]; then
    awk '$1 == "wheel" { print $2 }' <<<"$gpu_choice" | sort | sha256sum | cut -c1-16
  else
    echo processor
  fi
}

fetch_wheel() {
  local digest=$1 place=$2 target
  target=$PREFIX/gpu-wheels/$(basename -- "$place")
  mkdir -p -- "$PREFIX/gpu-wheels"
  if [[ $place == /* ]]; then
    cp -- "$place" "$target"
  elif [[ -n $bundle && -e $bundle/gpu-wheels/$(basename -- "$place") ]]; then
    cp -- "$bundle/gpu-wheels/$(basename -- "$place")" "$target"
  elif [[ -n $bundle ]]; then
    die "the GPU wheels are not in the bundle, and --offline fetches nothing"
  else
    quietly "$release/venv/bin/python" "$ROOT/install/fetch.py" "$place" "$target"
  fi
  sha256sum --status --check <<<"$digest  $target" || die "$(basename -- "$place") is not what it should be (SHA-256)"
  printf '%s' "$target"
}

# The order matters: both distributions of ONNX Runtime install the same directory, and everything
# that requires the one for the processor has been installed before.
install_gpu_wheels() {
  choose_gpu
  if [[ $gpu_choice != gpu* ]]; then
    [[ $board == none ]] || warn "No GPU in this installation: ${gpu_choice#processor }."
    printf '%s\n' "$gpu_choice" >"$release/venv/.gpu"
    return
  fi
  local digest place
  local -a files=()
  while read -r _ digest place; do files+=("$(fetch_wheel "$digest" "$place")"); done < <(grep '^wheel' <<<"$gpu_choice")
  quietly "$release/venv/bin/python" -m pip --disable-pip-version-check uninstall -y onnxruntime onnxruntime-gpu ctranslate2
  install_wheels --force-reinstall "${files[@]}"
  rm -rf -- "$PREFIX/gpu-wheels"
  local said
  if said=$("$release/venv/bin/python" "$release/jetson/assert_gpu.py" 2>&1); then
    printf 'gpu %s\n' "$said" >"$release/venv/.gpu"
    return
  fi
  warn "The GPU wheels are installed, but the GPU does not answer: $said"
  warn "This installation uses the processor instead."
  quietly "$release/venv/bin/python" -m pip --disable-pip-version-check uninstall -y onnxruntime onnxruntime-gpu ctranslate2
  install_wheels --force-reinstall "$wheels"/onnxruntime-*.whl "$wheels"/ctranslate2-*.whl
  printf 'processor %s\n' "$said" >"$release/venv/.gpu"
}

# ── power ────────────────────────────────────────────────────────────────────────────────────

check_power() {
  [[ -n $power_mode ]] || return 0
  todo="let the board run in power mode $power_mode from every boot on"
  [[ $(systemctl is-enabled voice-appliance-power.service 2>/dev/null) == enabled ]] &&
    "$ROOT/jetson/power.sh" is "$power_mode"
}

do_power() {
  "$ROOT/jetson/power.sh" remember "$power_mode"
  quietly systemctl enable voice-appliance-power.service
  quietly systemctl restart voice-appliance-power.service
}
