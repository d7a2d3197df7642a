"""probe.py SOCKET PATH: GET over a Unix socket; exit status 0 where the answer is 200.

For install.sh, with the standard library.
"""

import http.client
import socket
import sys

SECONDS = 5.0


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def main(path: str, route: str) -> int:
    connection = UnixConnection(path)
    try:
        connection.request("GET", route)
        answer = connection.getresponse()
        print(answer.read().decode())
    except (OSError, http.client.HTTPException) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if answer.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
