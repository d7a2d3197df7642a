"""Stands where the appliance does in the tests of the installer: answers /health, dies when told.

It leaves `pid`, `arguments`, after a SIGHUP `reloaded`, and after a polite end `stopped` in the
directory it is given.
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/die":
            os._exit(3)
        self.send_response(200)
        self.end_headers()


def main(place: Path, *arguments: str) -> None:
    def stop(*_: int | FrameType | None) -> None:
        with (place / "stopped").open("a") as file:
            file.write("once\n")
        sys.exit(0)

    def reload(*_: int | FrameType | None) -> None:
        with (place / "reloaded").open("a") as file:
            file.write("once\n")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, reload)
    (place / "pid").write_text(str(os.getpid()))
    (place / "arguments").write_text("\n".join(arguments))
    (place / "private").touch()
    if "APPLIANCE__TEST__EXIT" in os.environ:
        sys.exit(int(os.environ["APPLIANCE__TEST__EXIT"]))
    HTTPServer(("127.0.0.1", int(os.environ["APPLIANCE__SERVER__PORT"])), _Health).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
