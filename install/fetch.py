"""fetch.py URL FILE: over https, redirects included; what arrived is checked by the caller."""

import shutil
import sys
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import IO

SECONDS = 60.0


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows nobody to an address without encryption."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise urllib.error.URLError(f"it leads to {newurl}, which is no https address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def main(url: str, file: str) -> int:
    if not url.startswith("https://"):
        print(f"{url} is no https address", file=sys.stderr)
        return 1
    opener = urllib.request.build_opener(HttpsOnly)
    try:
        with opener.open(url, timeout=SECONDS) as answer, Path(file).open("wb") as target:
            shutil.copyfileobj(answer, target)
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
