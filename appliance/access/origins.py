"""Checks the Origin and Host headers of requests.

Browsers send Origin with every WebSocket and with every request that changes something;
`origin_allowed` is for those. `host_allowed` is for every request: a page under a foreign name
that was made to point here (DNS rebinding) is same-origin to itself.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

_BESIDE_BRACKETS = re.compile(r"[^\[]\[|\][^:]")
# Browsers send other letters as punycode; names of containers may have `_`.
_HOST = re.compile(r"[0-9a-z._-]+|[0-9a-f.]*:[0-9a-f:.]+")


def origin_allowed(
    origin: str | None,
    host: str,
    extra: Iterable[str] = (),
    *,
    scheme: str | None = None,
    bearer: bool = False,
) -> bool:
    """Whether a page at `origin` may use the appliance that it reached as `host`.

    `host` is the Host header, or X-Forwarded-Host where our own proxy set it; `scheme` (http or
    https), where it is known, must be that of the page too. `extra` are more origins that are
    allowed. A request without Origin comes from no browser page: it needs a `bearer` token,
    because a cookie alone could be a browser's. "null" (a sandbox, a file) is refused.
    """
    if origin is None:
        return bearer
    page = _parse(origin)
    if page is None:
        return False
    if origin_listed(origin, extra):
        return True
    here = _parse(f"{page[0]}://{host}")
    return page == here and scheme in (None, page[0])


def origin_listed(origin: str | None, extra: Iterable[str]) -> bool:
    """Whether `origin` is among the configured origins, besides the appliance's own."""
    page = None if origin is None else _parse(origin)
    return page is not None and page in (_parse(other.rstrip("/")) for other in extra)


def normalised_origin(origin: str) -> str | None:
    """Returns `https://box.lan` for `HTTPS://Box.lan:443/`; None for anything but an origin.

    This is the form in which browsers send it.
    """
    page = _parse(origin.rstrip("/"))
    if page is None:
        return None
    scheme, host, port = page
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + (f":{port}" if port != DEFAULT_PORTS[scheme] else "")


def host_allowed(host: str, names: Iterable[str]) -> bool:
    """Whether the appliance answers to `host`: an address, localhost, or one of its `names`.

    A foreign page can make its own name point here, but not an address.
    """
    parsed = _parse(f"http://{host}")
    if parsed is None:
        return False
    name = parsed[1]
    return _is_address(name) or name in {"localhost", *(_normalised_name(known) for known in names)}


def is_this_machine(host: str) -> bool:
    """Whether a Host header names the machine of the browser itself, where http is safe too."""
    parsed = _parse(f"http://{host}")
    if parsed is None:
        return False
    name = parsed[1]
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _parse(origin: str) -> tuple[str, str, int] | None:
    """Returns scheme, host and port; None where `origin` has anything beyond these."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    strict = "://" in origin and not any(sign in origin for sign in "@?#\\ \t\r\n")
    if not strict or parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path:
        return None
    if _BESIDE_BRACKETS.search(parts.netloc):  # which urlsplit leaves out of the host name
        return None
    host = _normalised_name(parts.hostname)
    if not _HOST.fullmatch(host):
        return None
    return parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port


def _normalised_name(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
