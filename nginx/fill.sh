#!/usr/bin/env bash
# fill.sh TEMPLATE KEY=VALUE…
# Prints the template with each @KEY@ replaced; fails on a value that could break out of its
# quotes and on a placeholder that is left over.
set -Eeuo pipefail

main() {
  local template=$1 text pair key value left
  shift
  # The x keeps the last newline through the substitution.
  text=$(cat -- "$template" && echo x)
  text=${text%x}
  for pair in "$@"; do
    key=${pair%%=*}
    value=${pair#*=}
    case $value in
      *['"\$']* | *$'\n'*)
        echo "fill.sh: $key has a character that no configuration file can hold: $value" >&2
        return 2
        ;;
    esac
    text=${text//"@$key@"/"$value"}
  done
  if left=$(grep -oE '@[A-Z0-9_]+@' <<<"$text" | sort -u | paste -sd' '); then
    echo "fill.sh: $template still has $left" >&2
    return 2
  fi
  printf '%s' "$text"
}

main "$@"
