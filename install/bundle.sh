# shellcheck shell=bash disable=SC2034,SC2153,SC2154  # the parts share their variables
# A part of install.sh: everything that an installation needs in one archive, for machines without
# a network and for updates. A bundle is a tar of: this installer and its parts, the built page,
# wheels/, models/store/, gpu-wheels/, python/, LINKS, and MANIFEST.sha256 over all of it.

# What says for which machines a bundle is: the wheels are this architecture's and this Python's.
bundle_kind() { printf '%s %s\n' "$(uname -m)" "$(python_tag "$1")"; }

parse_bundle() {
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
}

make_bundle() {
  local output='' with_python='' sign_key='' wanted_models='' work=$ROOT/.run/bundle tree
  parse_bundle "$@"
  [[ -e $ROOT/web/package.json ]] || die 'a bundle is made from a checkout'
  # The installation asks for it, far from whoever could still make it.
  [[ -z $wheels_directory ]] || (cd -- "$wheels_directory" && sha256sum --quiet --strict --check SHA256SUMS >&2) ||
    die "$wheels_directory needs a SHA256SUMS that is right; make it there with: sha256sum *.whl >SHA256SUMS"
  check_machine
  install_lock
  # The wheels are for the Python that goes along with them, otherwise for this machine's.
  [[ -z $with_python ]] || bring_python
  python=$(bundled_python "$with_python") || die 'no Python from 3.11 on is here'
  check_board
  ensure_page
  tree=$work/voice-appliance-$(version)
  rm -rf -- "$work/voice-appliance-"*
  mkdir -p -- "$tree/web" "$tree/models"
  step 'Collecting the Python packages as wheels'
  make_wheels "$work/wheels"
  lay_out_bundle "$tree"
  list_materials "$tree"
  seal_bundle "$tree"
  [[ -n $output ]] || output=$PWD/voice-appliance-$(version)-$(tr ' ' - <"$tree/BUNDLE").tar
  # Wheels and models are compressed already.
  tar -C "$work" --owner=0 --group=0 --sort=name -cf "$output.new" -- "${tree##*/}"
  mv -f -- "$output.new" "$output"
  rm -rf -- "$tree"
  install_unlock
  printf '%s\n' "$output"
}

lay_out_bundle() {
  local tree=$1
  step 'Laying out the bundle'
  cp -al -- "$work/wheels" "$tree/wheels" 2>/dev/null || cp -a -- "$work/wheels" "$tree/wheels"
  rm -f -- "$tree/wheels/.stamp"
  cp -R -- "$ROOT"/{appliance,docs,install,jetson,nginx,profiles,systemd,requirements,install.sh,pyproject.toml,README.md,LICENSE} "$tree"
  cp -R -- "$ROOT/web/dist" "$tree/web"
  cp -- "$ROOT/models/manifest.toml" "$tree/models"
  bundle_kind "$python" >"$tree/BUNDLE"
  [[ -z $wanted_models ]] || bundle_models "$tree" "$wanted_models"
  bundle_gpu_wheels "$tree"
  [[ -z $with_python ]] || { mkdir -- "$tree/python" && cp -a -- "${python%/bin/*}" "$tree/python"; }
  find "$tree" -name __pycache__ -prune -exec rm -rf -- {} +
}

# What the bundle consists of, as CycloneDX: the Python packages with their hashes, and what of npm's
# is in the page. Models stand in models/manifest.toml, with source, licence and SHA-256.
list_materials() {
  tool_venv sbom 'Bringing what lists the parts of a bundle'
  ensure_node
  step 'Listing its parts'
  quietly "$TOOLS/sbom/bin/cyclonedx-py" requirements "$ROOT/requirements/run.txt" \
    --pyproject "$ROOT/pyproject.toml" --output-reproducible --output-file "$1/sbom-python.cdx.json"
  run_npm sbom --omit dev --package-lock-only --sbom-format cyclonedx >"$1/sbom-page.cdx.json" </dev/null
}

# The list of the links is a file like the others; what is signed is the list of the files.
seal_bundle() {
  chmod -R u=rwX,go=rX -- "$1"
  links_of "$1" >"$1/LINKS"
  list_files "$1" >"$1.manifest"
  mv -- "$1.manifest" "$1/MANIFEST.sha256"
  [[ -z $sign_key ]] || quietly ssh-keygen -Y sign -f "$sign_key" -n voice-appliance "$1/MANIFEST.sha256"
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

# The owner's, or those that install.sh would fetch on this board. What has arrived is kept.
bundle_gpu_wheels() {
  local digest place file kept=$ROOT/.run/bundle/gpu-wheels
  if [[ -n $wheels_directory ]]; then
    cp -RL -- "$wheels_directory" "$1/gpu-wheels"
    return
  fi
  choose_gpu
  if [[ $gpu_choice != gpu* ]]; then
    [[ $board == none ]] || warn "No wheels for the GPU are in this bundle: ${gpu_choice#processor }."
    return
  fi
  step 'Collecting the wheels for the GPU'
  mkdir -p -- "$kept" "$1/gpu-wheels"
  while read -r _ digest place; do
    file=${place##*/}
    if [[ $place == /* ]]; then
      cp -- "$place" "$kept/$file"
    elif ! sha256sum --status --check <<<"$digest  $kept/$file" 2>/dev/null; then
      quietly "$python" "$ROOT/install/fetch.py" "$place" "$kept/$file"
    fi
    sha256sum --status --check <<<"$digest  $kept/$file" || die "$file is not what it should be (SHA-256)"
    cp -- "$kept/$file" "$1/gpu-wheels"
    printf '%s  %s\n' "$digest" "$file" >>"$1/gpu-wheels/SHA256SUMS"
  done < <(grep '^wheel' <<<"$gpu_choice")
}

# ── Opening one ──────────────────────────────────────────────────────────────────────────────

# files_of DIRECTORY: all that its manifest has to list.
files_of() { (cd -- "$1" && find . -type f ! -path ./MANIFEST.sha256 ! -path ./MANIFEST.sha256.sig | LC_ALL=C sort); }

links_of() { (cd -- "$1" && find . -type l -printf '%p -> %l\n' | LC_ALL=C sort); }

# What no bundle has: devices and the like, programs with rights of their own, names that a list of
# lines cannot hold.
odd_files_of() {
  (cd -- "$1" && LC_ALL=C find . ! \( -type f -o -type d -o -type l \) -o -type f -perm /7000 \
    -o -name '*[[:cntrl:]\\]*' -o -lname '*[[:cntrl:]\\]*')
}

# verify_bundle DIRECTORY: signed, where the owner has said by whom; every file as it was made, and
# no other.
verify_bundle() {
  local found
  [[ -e $1/MANIFEST.sha256 && -e $1/BUNDLE ]] || die "$1 is no bundle: it has no MANIFEST.sha256"
  found=$(odd_files_of "$1")
  [[ -z $found ]] || die "the bundle has something that belongs in none: ${found@Q}"
  verify_signature "$1"
  # Of these, those in the manifest only, and those in the directory only.
  found=$(listed_files "$1" | LC_ALL=C comm -23 - <(files_of "$1"))
  [[ -z $found ]] || die "the bundle is damaged; it lacks: $found"
  found=$(listed_files "$1" | LC_ALL=C comm -13 - <(files_of "$1"))
  [[ -z $found ]] || die "the bundle has files that its manifest does not know: $found"
  (cd -- "$1" && sha256sum --quiet --strict --check MANIFEST.sha256 >&2) || die 'the bundle is damaged; above is where'
  found=$(links_of "$1")
  [[ $found == "$(cat -- "$1/LINKS" 2>/dev/null)" ]] || die 'the bundle has links that its manifest does not know'
}

listed_files() { sed -E 's/^[0-9a-f]{64} [ *]//' "$1/MANIFEST.sha256" | LC_ALL=C sort; }

verify_signature() {
  local signers=$CONFIGURATION/release.signers signature=$1/MANIFEST.sha256.sig
  [[ -e $signers ]] || return 0
  [[ -e $signature ]] || die "the bundle is not signed, and $signers asks for it"
  command -v ssh-keygen >/dev/null || die 'ssh-keygen is missing (package openssh-client); it verifies the signature'
  ssh-keygen -Y verify -f "$signers" -I voice-appliance -n voice-appliance -s "$signature" \
    <"$1/MANIFEST.sha256" >/dev/null 2>&1 || die "the signature of the bundle is not one that $signers allows"
}

# From here on, the only Python that will do is one that the bundle has wheels for.
fits_machine() {
  local architecture
  read -r architecture python_wanted <"$1/BUNDLE"
  [[ $architecture == "$(uname -m)" ]] || die "the bundle is for $architecture; this is $(uname -m)"
  [[ -e $1/python ]] || find_device_python >/dev/null ||
    die "the bundle holds wheels for Python $python_wanted, which this system has not; make one on a machine like this one, or with --with-python"
}

# unpack_bundle ARCHIVE DIRECTORY: for root alone, with no right that the archive chose.
unpack_bundle() {
  local needed free
  rm -rf -- "$2"
  needed=$(($(stat -c %s -- "$1") / 1048576 + 100))
  free=$(free_mb "$2")
  ((free >= needed)) ||
    die "$needed MB of free disk space are needed below $PREFIX to unpack the bundle, and there are $free; unpack it elsewhere, and give --offline that directory"
  mkdir -p -- "$(dirname -- "$2")"
  mkdir -m 700 -- "$2"
  tar -C "$2" --strip-components=1 --no-same-owner --no-same-permissions -xf "$1" || die "$1 cannot be unpacked"
}

# Where --offline names an archive or another directory: verifies it, and becomes its installer.
enter_bundle() {
  [[ -n $bundle ]] || return 0
  local place=$bundle
  # Whatever comes of it, here or in the installer that this one becomes, gigabytes do not stay.
  [[ ! -f $bundle && ! $bundle -ef $PREFIX/incoming ]] || trap clean_up EXIT
  if [[ -f $bundle ]]; then
    place=$PREFIX/incoming
    unpack_bundle "$bundle" "$place"
  fi
  verify_bundle "$place"
  fits_machine "$place"
  # A failing exec would end here without the trap.
  [[ -x $place/install.sh ]] || die "the bundle has no installer that can be run"
  bundle=$place
  if [[ $place -ef $ROOT ]]; then
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
