"""Collects the host names under which a browser may reach the appliance."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from appliance.config.loader import Config
from appliance.network import nginx_site

LOOK_SECONDS = 5.0  # between searches for the nginx site, which may be set up at any time


class HostNames:
    """Returns, when called, the current names: of the machine, the configuration and nginx.

    The machine may get another name while the appliance runs. The timer that renews the
    certificate then rewrites nginx's list of hosts, which is read again whenever it has changed.
    """

    def __init__(self, config: Config, root: Path = Path("/")) -> None:
        self._state = config.store.path.parent
        self._root = root
        self._fixed = tuple(_lasting_names(config))
        self._file: Path | None = None
        self._looked = -LOOK_SECONDS
        self._stamp: tuple[int, int] | None = None
        self._nginx_names: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        if self._file is None and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if found := nginx_site.find(self._state, self._root):
                self._file = found.hosts
        if self._file:
            self._update(self._file)
        return self._fixed + self._nginx_names

    def _update(self, file: Path) -> None:
        try:
            status = file.stat()
            if (stamp := (status.st_mtime_ns, status.st_ino)) != self._stamp:
                self._nginx_names = tuple(nginx_site.dns_names(file))
                self._stamp = stamp
        except OSError:
            self._file = None  # removed or unreadable: the names known so far stay


def _lasting_names(config: Config) -> Iterator[str]:
    host = socket.gethostname().lower()
    yield host
    yield f"{host.partition('.')[0]}.local"
    for address in (config.server.public_url, *config.access.origins):
        if name := urlsplit(address).hostname:
            yield name
