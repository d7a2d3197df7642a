"""origins.py: of what `appliance config show` prints, access.origins, as nginx is to know them.

Prints them on one line, as browsers write them, and tells of each that is none. Exit status 1 where
there is no configuration. For install.sh, with the standard library.
"""

import json
import re
import sys

ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?/*")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def as_browsers_write_it(origin: str) -> str | None:
    """None for what is no origin; to the daemon it is none either."""
    found = ORIGIN.fullmatch(origin.lower())
    if found is None:
        return None
    scheme, host, port = found.groups(default="")
    return f"{scheme}://{host}{'' if port == DEFAULT_PORTS[scheme] else port}"


def main(shown: str) -> int:
    try:
        configured = json.loads(shown)["access"]["origins"]
    except ValueError:
        return 1
    written = {origin: as_browsers_write_it(origin) for origin in configured}
    for origin, good in written.items():
        if good is None:
            print(
                f"access.origins: {origin!r} is none, as https://box.lan:8443 is", file=sys.stderr
            )
    print(*dict.fromkeys(good for good in written.values() if good))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read()))
