"""Stands in for `appliance models pull` in the tests of the installer.

It leaves `fetched`, with its arguments, in the directory that it is given, and `kept` once it is
interrupted.
"""

import os
import signal
import sys
from pathlib import Path


def main(place: Path, *arguments: str) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    (place / "fetched.new").write_text("\n".join(arguments))
    if "APPLIANCE__TEST__OFFLINE" in os.environ:
        sys.stderr.write("no model can be fetched\n")
        (place / "fetched.new").rename(place / "fetched")
        sys.exit(1)
    sys.stderr.write("base from the packages\n")
    (place / "fetched.new").rename(place / "fetched")
    try:
        signal.pause()
    except KeyboardInterrupt:
        (place / "kept").touch()
        sys.stderr.write("Stopped. What has arrived is kept.\n")
        sys.exit(130)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
