"""Reaches the appliance as another machine does: through nginx, with its certificate verified.

Requests need no token. A session does, and clients' tokens are not for the self-test to use: the
daemon, asked over its control socket, registers a temporary client that may talk and nothing
else. Client and conversation are deleted afterwards; those of a self-test that was killed are
deleted by the next one.
"""

import asyncio
import ipaddress
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.client import Call, calling
from appliance.errors import ApplianceError
from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import DaemonClient

if TYPE_CHECKING:
    import aiohttp

REQUEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """The certificate that nginx serves; `names` are written as in a browser's address bar.

    `known_issuer` is false for a certificate of the owner's whose issuer this machine does not
    trust.
    """

    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    issuer: str
    known_issuer: bool = True


@dataclass(frozen=True, slots=True)
class SelftestSession:
    """A session of the self-test; `route` says in words how it reached the appliance."""

    call: Call
    route: str


def tls_context(site: Site) -> ssl.SSLContext:
    """Trusts the appliance's CA or, where there is none, the owner's certificate itself."""
    tls = ca_context(site)
    if site.authority is None:
        # Where this user cannot read the file, the usual authorities must vouch for it.
        with suppress(OSError):
            tls.load_verify_locations(site.certificate)
            tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return tls


def ca_context(site: Site) -> ssl.SSLContext:
    """Trusts the appliance's CA or, where there is none, the usual authorities."""
    return ssl.create_default_context(cafile=str(site.authority) if site.authority else None)


def entry_host(site: Site, addresses: Sequence[str], names: Sequence[str]) -> str:
    """The host of the page's URL, chosen among the certificate's `names`. Pure.

    The best is an address of this machine that nginx listens on; then the one address that it
    listens on, the loopback, and the certificate's first name.
    """
    # One way in is enough, so IPv6 is not tried.
    ipv4 = [address for address in addresses if ":" not in address]
    wanted = (*ipv4, "localhost", "127.0.0.1") if site.address == ANYWHERE else ()
    candidates = (*wanted, *_names_of(site.address), *names)
    return next((name for name in candidates if name in names), "localhost")


def _names_of(address: str) -> tuple[str, ...]:
    return (address, "localhost") if address.startswith("127.") else (address,)


async def fetch_certificate(site: Site) -> ServedCertificate:
    """The served certificate, verified. Raises OSError, of which ssl.SSLError is one."""
    try:
        return _parse_certificate(await _peer_certificate(site, ca_context(site)))
    except ssl.SSLCertVerificationError:
        if site.authority is not None:
            raise
        certificate = _parse_certificate(await _peer_certificate(site, tls_context(site)))
        return replace(certificate, known_issuer=False)


async def _peer_certificate(site: Site, tls: ssl.SSLContext) -> Mapping[str, object]:
    tls.check_hostname = False  # the check of the certificate compares the names one by one
    async with asyncio.timeout(REQUEST_SECONDS):
        _, writer = await asyncio.open_connection(_connect_address(site), site.port, ssl=tls)
    try:
        fields: Mapping[str, object] = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    return fields


def _connect_address(site: Site) -> str:
    return "127.0.0.1" if site.address == ANYWHERE else site.address


def _parse_certificate(fields: Mapping[str, object]) -> ServedCertificate:
    """`fields` are as SSLSocket.getpeercert() returns them."""

    def moment(key: str) -> datetime:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(fields[key])), UTC)

    alternatives = fields.get("subjectAltName", ())
    issuer = fields.get("issuer", ())
    assert isinstance(alternatives, tuple)
    assert isinstance(issuer, tuple)
    parts = {key: value for part in issuer for key, value in part}
    return ServedCertificate(
        tuple(_normalized_name(kind, str(value)) for kind, value in alternatives),
        moment("notBefore"),
        moment("notAfter"),
        str(parts.get("commonName", "an unnamed authority")),
    )


def _normalized_name(kind: str, value: str) -> str:
    # OpenSSL writes fd00::2 as FD00:0:0:0:0:0:0:2.
    with suppress(ValueError):
        return str(ipaddress.ip_address(value.strip())) if kind == "IP Address" else value
    return value


async def page_url(context: CheckContext, site: Site) -> str:
    """The page's URL by which this machine is reached. Raises OSError where nginx is not."""
    names = (await fetch_certificate(site)).names
    return site.url(entry_host(site, context.addresses, names))


def served_names(site: Site, *kinds: str) -> tuple[str, ...]:
    """The names (`DNS`) and addresses (`IP`) that nginx answers to; none for an unreadable file."""
    try:
        lines = site.hosts.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    parts = [line.partition(":") for line in lines]
    return tuple(value for kind, _, value in parts if kind in kinds and value)


async def status_by_name(http: "aiohttp.ClientSession", site: Site, name: str) -> int:
    """The HTTP status of an open route, requested by that host name.

    The name is used for SNI and the Host header but not looked up: resolving it is not the
    appliance's task. `http` must come from `http_client(…, any_name=True)`.
    """
    url = f"https://{_connect_address(site)}:{site.port}/api/ping"
    host = site.url(name).removeprefix("https://")
    async with http.get(url, headers={"Host": host}, server_hostname=name) as response:
        return response.status


@asynccontextmanager
async def http_client(
    site: Site, *, any_name: bool = False
) -> "AsyncIterator[aiohttp.ClientSession]":
    """An HTTP client that trusts the site's certificate and no other.

    With `any_name`, the host need not be among the certificate's names.
    """
    import aiohttp

    tls = tls_context(site)
    tls.check_hostname = not any_name
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS),
    ) as http:
        yield http


@asynccontextmanager
async def open_session(
    context: CheckContext, daemon: DaemonClient
) -> AsyncIterator[SelftestSession]:
    """A session in English, ready to talk, through nginx where there is one.

    Raises ApplianceError where the appliance refuses it, and aiohttp's errors where the
    appliance is not reached.
    """
    client = await daemon.register_client()
    options = {"language": "en", "conversation_id": client.prefix + uuid.uuid4().hex}
    try:
        if context.site:
            url, tls, socket = (
                await page_url(context, context.site),
                tls_context(context.site),
                "",
            )
            route = f"through nginx at {url}"
        else:
            url, tls, socket = daemon.base_url, None, daemon.socket
            route = "past nginx, which is not here,"
        async with calling(
            url, token=client.token, options=options, tls=tls, socket=socket
        ) as call:
            yield SelftestSession(call, route)
    finally:
        with suppress(ApplianceError):  # without a daemon, the next self-test cleans up
            await daemon.remove_client()
