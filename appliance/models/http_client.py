"""Opens HTTP sessions with the proxies, certificates and credentials that this machine uses."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from appliance.errors import SourceUnreachable
from appliance.network.proxies import ProxyRules

if TYPE_CHECKING:
    import aiohttp

_CONNECT_SECONDS, _READ_SECONDS = 15.0, 30.0


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How to get to servers, beside the proxies and credentials of the environment and netrc.

    No proxy is used for servers on this machine or in its network.

    `authorization` maps an origin to the Authorization header that it alone is sent.
    """

    proxy: str | None = None
    ca_file: str | None = None
    client_certificate: str | None = None
    authorization: Mapping[str, str] = field(default_factory=dict)


def http_session(settings: HttpSettings, url: str) -> "aiohttp.ClientSession":
    """A session for requests to `url`. Raises SourceUnreachable if a certificate is unreadable."""
    import aiohttp  # here, because it takes long and the other commands do without

    headers = {"Accept-Encoding": "identity", "User-Agent": "voice-appliance"}
    if authorization := settings.authorization.get(origin(url)):
        headers["Authorization"] = authorization
    return aiohttp.ClientSession(
        auto_decompress=False,
        headers=headers,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS
        ),
        connector=aiohttp.TCPConnector(ssl=_ssl_context(settings) or True),
        proxy=settings.proxy,
        trust_env=True,  # HTTP_PROXY, HTTPS_PROXY, NO_PROXY, netrc
        middlewares=(ProxyRules().middleware,),
    )


def _ssl_context(settings: HttpSettings) -> ssl.SSLContext | None:
    """The system's authorities and the configured ones; None where nothing is configured."""
    if not settings.ca_file and not settings.client_certificate:
        return None
    context = ssl.create_default_context()
    try:
        if settings.ca_file:
            is_directory = Path(settings.ca_file).is_dir()
            key = "capath" if is_directory else "cafile"
            context.load_verify_locations(**{key: settings.ca_file})
        if settings.client_certificate:
            context.load_cert_chain(settings.client_certificate)
    except OSError as error:
        raise SourceUnreachable(
            f"the certificates in {settings.ca_file or settings.client_certificate} cannot be"
            f" used: {error}",
            advice="Correct the setting of the package client that names them.",
        ) from error
    return context


def origin(address: str) -> str:
    """Scheme and host of an address, without credentials."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def connection_error(error: Exception) -> str:
    """The reason of an error of aiohttp, for people."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or str(error.os_error)
        return f"{error.host} cannot be reached ({reason})"
    return str(error) or "the server fell silent"


def without_credentials(url: str) -> str:
    """The address for messages and records."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
