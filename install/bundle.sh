# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: everything that an installation needs in one archive, for machines without
# a network and for updates. A bundle is a tar of: this installer and its parts, the built page,
# wheels/, models/store/, gpu-wheels/, python/, and MANIFEST.sha256 over all of it.

# What says for which machines a bundle is: the wheels are this architecture's and this Python's.
bundle_kind() { printf '%s %s\n' "$(uname -m)" "$(python_tag "$1")"; }

make_bundle() {
  local output='' with_python='' sign_key='' wanted_models=''
  while (($#)); do
    case $1 in
      --output | --models | --sign | --wheels) (($# >= 2)) || misused "$1 needs a value" ;;&
      --output) output=$(realpath -m -- "$2") && shift ;;
      --models) wanted_models=$2 && shift ;;
      --sign) { sign_key=$(existing_file "$2") || exit; } && shift ;;
      --wheels) { wheels_directory=$(existing_file "$2") || exit; } && shift ;;
      --with-python) with_python=yes ;;
      *) misused "bundle does not know '$1'" ;;
    esac
    shift
  done
  [[ -e $ROOT/web/package.json ]] || die 'a bundle is made from a checkout'
  # The installation asks for it, far from whoever could still make it.
  [[ -z $wheels_directory ]] || (cd -- "$wheels_directory" && sha256sum --quiet --strict --check SHA256SUMS >&2) ||
    die "$wheels_directory needs a SHA256SUMS that is right; make it there with: sha256sum *.whl >SHA256SUMS"
  check_machine
  install_lock
  # The wheels are for the Python that goes along with them, otherwise for this machine's.
  [[ -z $with_python ]] || bring_python
  python=$(bundled_python "$with_python") || die 'no Python from 3.11 on is here'
  ensure_page
  local work=$ROOT/.run/bundle tree
  tree=$work/voice-appliance-$(version)
  rm -rf -- "$work/voice-appliance-"*
  mkdir -p -- "$tree/web" "$tree/models"
  step 'Collecting the Python packages as wheels'
  make_wheels "$work/wheels"
  step 'Laying out the bundle'
  cp -al -- "$work/wheels" "$tree/wheels" 2>/dev/null || cp -a -- "$work/wheels" "$tree/wheels"
  rm -f -- "$tree/wheels/.stamp"
  cp -R -- "$ROOT"/{appliance,install,jetson,nginx,systemd,requirements,install.sh,pyproject.toml,README.md,LICENSE} "$tree"
  cp -R -- "$ROOT/web/dist" "$tree/web"
  cp -- "$ROOT/models/manifest.toml" "$tree/models"
  find "$tree" -name __pycache__ -prune -exec rm -rf -- {} +
  bundle_kind "$python" >"$tree/BUNDLE"
  [[ -z $wanted_models ]] || bundle_models "$tree" "$wanted_models"
  [[ -z $wheels_directory ]] || cp -R -- "$wheels_directory" "$tree/gpu-wheels"
  [[ -z $with_python ]] || { mkdir -- "$tree/python" && cp -a -- "${python%/bin/*}" "$tree/python"; }
  chmod -R u=rwX,go=rX -- "$tree"
  list_files "$tree" >"$work/manifest"
  mv -- "$work/manifest" "$tree/MANIFEST.sha256"
  [[ -z $sign_key ]] || quietly ssh-keygen -Y sign -f "$sign_key" -n voice-appliance "$tree/MANIFEST.sha256"
  [[ -n $output ]] || output=$PWD/voice-appliance-$(version)-$(tr ' ' - <"$tree/BUNDLE").tar
  # Wheels and models are compressed already.
  tar -C "$work" --owner=0 --group=0 --sort=name -cf "$output.new" -- "${tree##*/}"
  mv -f -- "$output.new" "$output"
  rm -rf -- "$tree"
  install_unlock
  printf '%s\n' "$output"
}

bundled_python() {
  if [[ -n $1 ]]; then realpath -e -- "$TOOLS"/python/cpython-3.12.*/bin/python3.12; else find_python; fi
}

# What has arrived is kept for the next time, unless that is to have others.
bundle_models() {
  local tree=$1 names store=$ROOT/.run/bundle/models
  read -ra names <<<"$2"
  ensure_venv run
  [[ $(cat -- "$store/.names" 2>/dev/null) == "$2" ]] || rm -rf -- "$store"
  mkdir -p -- "$store"
  printf '%s\n' "$2" >"$store/.names"
  APPLIANCE__MODELS__DIRECTORY=$store "$VENV/bin/appliance" models pull "${names[@]}" >&2
  # With its hard links: every file has two names and one content.
  cp -a -- "$store" "$tree/models/store"
  rm -rf -- "$tree/models/store/.names" "$tree/models/store/.store/"{partial,lock}
}

# ── Opening one ──────────────────────────────────────────────────────────────────────────────

# verify_bundle DIRECTORY: signed, where the owner has said by whom; and every file as it was made.
verify_bundle() {
  local signers=$CONFIGURATION/release.signers signature=$1/MANIFEST.sha256.sig
  [[ -e $1/MANIFEST.sha256 && -e $1/BUNDLE ]] || die "$1 is no bundle: it has no MANIFEST.sha256"
  if [[ -e $signers ]]; then
    [[ -e $signature ]] || die "the bundle is not signed, and $signers asks for it"
    command -v ssh-keygen >/dev/null || die 'ssh-keygen is missing (package openssh-client); it verifies the signature'
    ssh-keygen -Y verify -f "$signers" -I voice-appliance -n voice-appliance -s "$signature" \
      <"$1/MANIFEST.sha256" >/dev/null 2>&1 || die "the signature of the bundle is not one that $signers allows"
  fi
  (cd -- "$1" && sha256sum --quiet --strict --check MANIFEST.sha256 >&2) || die 'the bundle is damaged; above is where'
  local listed found
  listed=$(wc -l <"$1/MANIFEST.sha256")
  found=$(cd -- "$1" && find . -type f ! -name 'MANIFEST.sha256*' | wc -l)
  ((listed == found)) || die 'the bundle has files that its manifest does not know'
}

# From here on, the only Python that will do is one that the bundle has wheels for.
fits_machine() {
  local architecture
  read -r architecture python_wanted <"$1/BUNDLE"
  [[ $architecture == "$(uname -m)" ]] || die "the bundle is for $architecture; this is $(uname -m)"
  [[ -e $1/python ]] || find_device_python >/dev/null ||
    die "the bundle holds wheels for Python $python_wanted, which this system has not; make one on a machine like this one, or with --with-python"
}

# Where --offline names an archive or another directory: verifies it, and becomes its installer.
enter_bundle() {
  [[ -n $bundle ]] || return 0
  local archive=$bundle place=$bundle
  if [[ -f $archive ]]; then
    place=$PREFIX/incoming
    rm -rf -- "$place"
    mkdir -p -- "$place"
    tar -C "$place" --strip-components=1 --no-same-owner -xf "$archive" || die "$archive cannot be unpacked"
  fi
  verify_bundle "$place"
  fits_machine "$place"
  bundle=$place
  if [[ $place == "$ROOT" ]]; then
    [[ -n $wheels_directory || ! -d $bundle/gpu-wheels ]] || wheels_directory=$bundle/gpu-wheels
    return
  fi
  local -a rest=() argument
  for argument in "${arguments[@]}"; do
    [[ $argument != "$given_bundle" ]] || argument=$place
    rest+=("$argument")
  done
  exec "$place/install.sh" "${rest[@]}"
}
