"""The host names under which a browser may reach the appliance, beside its addresses."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from appliance.config.loader import Config
from appliance.network import nginx_site

LOOK_SECONDS = 5.0  # where there is no nginx, somebody may be setting it up


class HostNames:
    """Called, the names of now: the machine's own, the configured ones, and those that nginx
    answers to.

    The machine may be given another name while the appliance runs. The certificate's timer tells
    nginx, in a file that is read here again whenever it is another one.
    """

    def __init__(self, config: Config, root: Path = Path("/")) -> None:
        self._state = config.store.path.parent
        self._root = root
        self._fixed = tuple(_fixed(config))
        self._file: Path | None = None
        self._looked = -LOOK_SECONDS
        self._stamp: tuple[int, int] | None = None
        self._told: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        if self._file is None and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if found := nginx_site.find(self._state, self._root):
                self._file = found.hosts
        if self._file:
            self._read(self._file)
        return self._fixed + self._told

    def _read(self, file: Path) -> None:
        try:
            seen = file.stat()
            if (stamp := (seen.st_mtime_ns, seen.st_ino)) != self._stamp:
                self._told = tuple(nginx_site.dns_names(file))
                self._stamp = stamp
        except OSError:
            self._file = None  # taken away, or not for us to read: what was known stays known


def _fixed(config: Config) -> Iterator[str]:
    host = socket.gethostname().lower()
    yield host
    yield f"{host.partition('.')[0]}.local"
    for address in (config.server.public_url, *config.access.origins):
        if name := urlsplit(address).hostname:
            yield name
