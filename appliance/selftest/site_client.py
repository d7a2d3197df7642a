"""The door for everybody else: nginx, as somebody on the network meets it."""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest.context import CheckContext

if TYPE_CHECKING:
    import aiohttp

REQUEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that nginx shows; the names as a browser reads them.

    `vouched` is false for one of the owner's own whose issuer this machine does not know.
    """

    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    issuer: str
    vouched: bool = True


def trust(site: Site) -> ssl.SSLContext:
    """Of a client that trusts the appliance's own CA; or the owner's certificate, by whomever."""
    context = authorities(site)
    if site.authority is None:
        # Where it cannot be read, it has to be one that the usual authorities vouch for.
        with suppress(OSError):
            context.load_verify_locations(site.certificate)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def authorities(site: Site) -> ssl.SSLContext:
    """Of a client that trusts the appliance's own CA, or the usual ones where it has none."""
    return ssl.create_default_context(cafile=str(site.authority) if site.authority else None)


def host(site: Site, addresses: Sequence[str], names: Sequence[str]) -> str:
    """By which of the certificate's names to come in: from outside, where that is possible. Pure.

    Through the address of this machine, where nginx listens there and the certificate has it;
    else through the one address it listens on, the loopback, or the certificate's first name.
    """
    # Whether it listens on IPv6 too is not asked: one way in is enough.
    numbers = [address for address in addresses if ":" not in address]
    wanted = (*numbers, "localhost", "127.0.0.1") if site.address == ANYWHERE else ()
    candidates = (*wanted, *_names_of(site.address), *names)
    return next((name for name in candidates if name in names), "localhost")


def _names_of(address: str) -> tuple[str, ...]:
    return (address, "localhost") if address.startswith("127.") else (address,)


async def shown(site: Site) -> Shown:
    """The certificate, once it has verified. Raises OSError, ssl.SSLError among them."""
    try:
        return _read(await _peer(site, authorities(site)))
    except ssl.SSLCertVerificationError:
        if site.authority is not None:
            raise
        return replace(_read(await _peer(site, trust(site))), vouched=False)


async def _peer(site: Site, context: ssl.SSLContext) -> Mapping[str, object]:
    import asyncio

    context.check_hostname = False  # the names are looked at one by one
    async with asyncio.timeout(REQUEST_SECONDS):
        _, writer = await asyncio.open_connection(_number(site), site.port, ssl=context)
    try:
        told: Mapping[str, object] = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    return told


def _number(site: Site) -> str:
    return "127.0.0.1" if site.address == ANYWHERE else site.address


def _read(told: Mapping[str, object]) -> Shown:
    def moment(key: str) -> datetime:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told[key])), UTC)

    alternatives = told.get("subjectAltName", ())
    issuer = told.get("issuer", ())
    assert isinstance(alternatives, tuple)
    assert isinstance(issuer, tuple)
    parts = {key: value for part in issuer for key, value in part}
    return Shown(
        tuple(_plain(kind, str(value)) for kind, value in alternatives),
        moment("notBefore"),
        moment("notAfter"),
        str(parts.get("commonName", "an unnamed authority")),
    )


def _plain(kind: str, value: str) -> str:
    # OpenSSL writes fd00::2 as FD00:0:0:0:0:0:0:2.
    with suppress(ValueError):
        return str(ipaddress.ip_address(value.strip())) if kind == "IP Address" else value
    return value


async def address(facts: CheckContext, site: Site) -> str:
    """The page's address as this machine is reached. Raises OSError where nginx is not."""
    names = (await shown(site)).names
    return site.url(host(site, facts.addresses, names))


def listed(site: Site, *kinds: str) -> tuple[str, ...]:
    """What nginx answers to: names (`DNS`) and addresses (`IP`); none where it cannot be read."""
    try:
        lines = site.hosts.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    parts = [line.partition(":") for line in lines]
    return tuple(value for kind, _, value in parts if kind in kinds and value)


async def greeted(http: "aiohttp.ClientSession", site: Site, name: str) -> int:
    """The HTTP status that whoever comes by that name gets of a route that is open to everybody.

    The way is that of the name in all but its lookup, which is not the appliance's. `http` must
    be one of `visiting(…, any_name=True)`.
    """
    asked = f"https://{_number(site)}:{site.port}/api/ping"
    host = site.url(name).removeprefix("https://")
    async with http.get(asked, headers={"Host": host}, server_hostname=name) as answer:
        return answer.status


@asynccontextmanager
async def visiting(site: Site, *, any_name: bool = False) -> "AsyncIterator[aiohttp.ClientSession]":
    """An HTTP client that trusts the site's certificate and no other.

    With `any_name`, also for names that the certificate does not have.
    """
    import aiohttp

    context = trust(site)
    context.check_hostname = not any_name
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS),
    ) as http:
        yield http
