"""fetch.py URL FILE: over https, redirects included; what arrived is checked by the caller."""

import shutil
import sys
import urllib.request
from pathlib import Path

SECONDS = 60.0


def main(url: str, file: str) -> int:
    if not url.startswith("https://"):
        print(f"{url} is no https address", file=sys.stderr)
        return 1
    try:
        with (
            urllib.request.urlopen(url, timeout=SECONDS) as answer,
            Path(file).open("wb") as target,
        ):
            shutil.copyfileobj(answer, target)
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
