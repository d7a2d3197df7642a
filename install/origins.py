"""origins.py: of what `appliance config show` prints, access.origins, as nginx is to know them.

Prints them on one line, as browsers write them, and tells of each that is none. Exit status 1 where
there is no configuration. For install.sh, in the environment of the release that printed it.
"""

import json
import sys

from appliance.access.origins import normalised_origin


def main(shown: str) -> int:
    try:
        configured = json.loads(shown)["access"]["origins"]
    except ValueError:
        return 1
    written = {origin: normalised_origin(origin) for origin in configured}
    for origin, good in written.items():
        if good is None:
            print(
                f"access.origins: {origin!r} is none, as https://box.lan:8443 is", file=sys.stderr
            )
    print(*dict.fromkeys(good for good in written.values() if good))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read()))
