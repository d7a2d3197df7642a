# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: what a Jetson needs beside. What is decided here is decided by
# jetson/gpu.py; on any other machine it decides that nothing is to be done.

board='' board_reason='' gpu_choice='' gpu_choice_for='' gpu_fault=''
readonly GPU_WHEELS=$PREFIX/gpu-wheels

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

# ── Which wheels ─────────────────────────────────────────────────────────────────────────────

# gpu_tool ARGUMENT…: with whatever Python there is that can run it.
gpu_tool() {
  local reader
  reader=${python:-$(board_python)} || return
  "$reader" "$ROOT/jetson/gpu.py" "$@"
}

# Of the Python that there is, or that the step python brings.
device_tag() { if [[ -n $python ]]; then python_tag "$python"; else printf '%s\n' "${python_wanted:-cp312}"; fi; }

# What a GPU that did not answer may have lacked.
gpu_facts() { gpu_tool facts; }

# What wheels are built for, beside the Python.
built_for() { gpu_facts | sed -n 1p; }

# Sets gpu_choice to the lines of gpu.py: for the wheels that were given, else for those kept, else
# for those of the manifest. Asks once for each Python. Wheels that cannot be used are gpu_fault.
choose_gpu() {
  [[ -z $gpu_choice || $gpu_choice_for != "$python" ]] || return 0
  gpu_choice_for=$python gpu_fault=''
  if [[ -n $wheels_directory && $wheels_directory != none ]]; then
    gpu_choice=$(gpu_tool choose --python "$(device_tag)" --wheels "$wheels_directory" 2>&1) && return
    gpu_fault="--wheels $wheels_directory cannot be used: $gpu_choice"
    gpu_choice="processor $gpu_fault"
  elif choose_kept_wheels; then
    return
  elif [[ $board != gpu ]]; then
    gpu_choice="processor $board_reason"
  else
    gpu_choice=$(gpu_tool choose --python "$(device_tag)")
    [[ -z $bundle || $gpu_choice != gpu* ]] || gpu_choice='processor the bundle has no GPU wheels'
  fi
}

# Those of an earlier run, as long as the board and its Python are what they were given for.
choose_kept_wheels() {
  [[ $wheels_directory != none && -e $GPU_WHEELS/SHA256SUMS ]] || return 1
  if [[ $(<"$GPU_WHEELS/built-for") != "$(built_for)" ]]; then
    warn "The GPU wheels of an earlier run were for $(<"$GPU_WHEELS/built-for"); this is $(built_for). Others come by --wheels."
    return 1
  fi
  gpu_choice=$(gpu_tool choose --python "$(device_tag)" --wheels "$GPU_WHEELS" 2>&1) && return
  warn "The GPU wheels of an earlier run do not fit any more: $gpu_choice. Others come by --wheels."
  return 1
}

# Before anything is changed: what the owner gave has to be of use.
check_wheels() {
  [[ -n $wheels_directory && $wheels_directory != none ]] || return 0
  [[ -n $python ]] || board_python >/dev/null || return 0
  choose_gpu
  [[ -z $gpu_fault ]] || fault "$gpu_fault"
}

# What distinguishes one set of GPU wheels, and one attempt with them, from another; "processor"
# where there are none.
gpu_stack() {
  choose_gpu
  if [[ $gpu_choice == gpu* ]]; then
    { awk '$1 == "wheel" { print $2 }' <<<"$gpu_choice" | sort && { cat -- "$PREFIX/gpu-retry" 2>/dev/null || true; }; } |
      sha256sum | cut -c1-16
  else
    echo processor
  fi
}

# ── gpu_wheels ───────────────────────────────────────────────────────────────────────────────
# Those that were given, or came with a bundle, are kept for the runs that are not given any.

chosen_sums() { awk '$1 == "wheel" { digest = $2; sub(/^wheel [^ ]+ (.*\/)?/, ""); print digest "  " $0 }' <<<"$gpu_choice"; }

check_gpu_wheels() {
  [[ -n $wheels_directory ]] || return 0
  todo="forget the wheels in $GPU_WHEELS"
  [[ $wheels_directory != none ]] || { [[ ! -e $GPU_WHEELS ]] && return || return 1; }
  todo="keep the wheels for the GPU in $GPU_WHEELS"
  [[ -n $python ]] || return 1
  choose_gpu
  [[ -z $gpu_fault ]] || die "$gpu_fault"
  [[ $gpu_choice == gpu* ]] || return 0
  cmp -s -- "$GPU_WHEELS/SHA256SUMS" <(chosen_sums) && cmp -s -- "$GPU_WHEELS/built-for" <(built_for)
}

do_gpu_wheels() {
  local new=$GPU_WHEELS.new place
  rm -rf -- "$new"
  if [[ $wheels_directory != none ]]; then
    mkdir -p -- "$new"
    while read -r _ _ place; do cp -- "$place" "$new"; done < <(grep '^wheel' <<<"$gpu_choice")
    built_for >"$new/built-for"
    chosen_sums >"$new/SHA256SUMS"
    (cd -- "$new" && sha256sum --status --strict --check SHA256SUMS) || die "$wheels_directory has changed meanwhile"
    sync -f -- "$new"
  fi
  rm -rf -- "$GPU_WHEELS"
  [[ ! -e $new ]] || mv -T -- "$new" "$GPU_WHEELS"
}

# ── gpu_retry ────────────────────────────────────────────────────────────────────────────────
# A release whose GPU did not answer keeps to the processor, and so do those built with its
# packages: trying takes minutes, and mostly ends the same way. It is tried again, in another
# release, when something has changed on which it hangs, or when the owner says so.

check_gpu_retry() {
  [[ -n $python && -z ${gpu_retried:-} ]] || return 0
  choose_gpu
  [[ $gpu_choice == gpu* ]] && grep -qs '^processor' "$PREFIX/current/venv/.gpu" || return 0
  todo='try the GPU again'
  [[ -z $retry_gpu ]] || return 1
  todo='try the GPU again: the board, its driver or its libraries have changed'
  cmp -s -- "$PREFIX/current/venv/.gpu-facts" <(gpu_facts)
}

do_gpu_retry() {
  { gpu_facts && { [[ -z $retry_gpu ]] || date +%s.%N; }; } >"$PREFIX/gpu-retry.new"
  mv -f -- "$PREFIX/gpu-retry.new" "$PREFIX/gpu-retry"
  gpu_retried=yes
}

# ── Their installation ───────────────────────────────────────────────────────────────────────

fetch_wheel() {
  local digest=$1 place=$2 target
  target=$PREFIX/.wheels/$(basename -- "$place")
  mkdir -p -- "$PREFIX/.wheels"
  if [[ $place == /* ]]; then
    cp -- "$place" "$target"
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
  rm -rf -- "$PREFIX/.wheels"
  local said
  if said=$("$release/venv/bin/python" "$release/jetson/assert_gpu.py" 2>&1); then
    printf 'gpu %s\n' "$said" >"$release/venv/.gpu"
    return
  fi
  warn "The GPU wheels are installed, but the GPU does not answer: $said"
  warn "This installation uses the processor instead, until the board, its driver or its libraries change, or install.sh gets --retry-gpu."
  quietly "$release/venv/bin/python" -m pip --disable-pip-version-check uninstall -y onnxruntime onnxruntime-gpu ctranslate2
  install_wheels --force-reinstall "$wheels"/onnxruntime-*.whl "$wheels"/ctranslate2-*.whl
  gpu_facts >"$release/venv/.gpu-facts"
  printf 'processor %s (--retry-gpu tries it again)\n' "$said" >"$release/venv/.gpu"
}

# ── power ────────────────────────────────────────────────────────────────────────────────────

power_tool() { "$ROOT/jetson/power.sh" "$@"; }

# Before anything is changed, too: otherwise it would be noticed when the release is live.
check_power_mode() {
  local said
  [[ -n $power_mode ]] || return 0
  if ! said=$(power_tool list 2>&1); then
    fault "--power $power_mode cannot be: ${said#power.sh: }; --power none drops it"
  elif ! grep -qxF -- "$power_mode" <<<"$said"; then
    fault "this board has no power mode $power_mode; it has: $(paste -sd' ' <<<"$said"), and --power none leaves it alone"
  fi
}

check_power() {
  [[ -z ${power_failed:-} ]] || return 0
  todo='let the board run in the power mode it had before'
  [[ -n $power_mode ]] || { [[ ! -e $CONFIGURATION/power ]] && return || return 1; }
  todo="let the board run in power mode $power_mode from every boot on"
  [[ $(systemctl is-enabled voice-appliance-power.service 2>/dev/null) == enabled ]] &&
    power_tool is "$power_mode"
}

# No reason to leave a release, nor not to come back to one.
do_power() {
  if [[ -z $power_mode ]]; then
    power_tool restore || { warn 'The power mode stays as it is.' && rm -f -- "$CONFIGURATION/power"; }
  elif ! { power_tool remember "$power_mode" && systemctl -q enable voice-appliance-power.service &&
    systemctl restart voice-appliance-power.service; }; then
    power_failed=yes
    warn "The board does not run in power mode $power_mode (above is why); --power sets another, or none."
  fi
}
