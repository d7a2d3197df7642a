"""The door for everybody else: nginx, as somebody on the network meets it."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.selftest.facts import Facts
from appliance.site import ANYWHERE, Site

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
    wanted = (*addresses, "localhost", "127.0.0.1") if site.address == ANYWHERE else ()
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
    address = "127.0.0.1" if site.address == ANYWHERE else site.address
    async with asyncio.timeout(REQUEST_SECONDS):
        _, writer = await asyncio.open_connection(address, site.port, ssl=context)
    try:
        told: Mapping[str, object] = writer.get_extra_info("peercert")
    finally:
        writer.transport.abort()
    return told


def _read(told: Mapping[str, object]) -> Shown:
    def moment(key: str) -> datetime:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(told[key])), UTC)

    alternatives = told.get("subjectAltName", ())
    issuer = told.get("issuer", ())
    assert isinstance(alternatives, tuple)
    assert isinstance(issuer, tuple)
    parts = {key: value for part in issuer for key, value in part}
    return Shown(
        tuple(str(value) for _, value in alternatives),
        moment("notBefore"),
        moment("notAfter"),
        str(parts.get("commonName", "an unnamed authority")),
    )


async def address(facts: Facts, site: Site) -> str:
    """The page's address as this machine is reached. Raises OSError where nginx is not."""
    names = (await shown(site)).names
    return site.url(host(site, facts.addresses, names))


@asynccontextmanager
async def visiting(site: Site) -> "AsyncIterator[aiohttp.ClientSession]":
    """An HTTP client that trusts the site's certificate and no other."""
    import aiohttp

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust(site)),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS),
    ) as http:
        yield http
