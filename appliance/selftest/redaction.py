"""Collects the names and addresses that identify the owner's network.

A report that is handed on must not contain them; the page replaces them.
"""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from appliance.network.nginx_site import Site
from appliance.selftest import site_client
from appliance.selftest.context import CheckContext

# Names that every machine has; they identify nobody.
_COMMON = {"", "localhost", "localhost.localdomain"}


async def identifying_names(context: CheckContext) -> tuple[str, ...]:
    """Hosts, addresses and certificate authorities that a finding may name, in lower case.

    They are those of the machine, of every URL in the configuration, and of nginx's certificate.
    """
    found = {*context.addresses, *_machine_names(), *_url_hosts(context.config.model_dump())}
    if context.site:
        found.update(site_client.served_names(context.site, "DNS", "IP"))
        with suppress(OSError):
            certificate = await site_client.fetch_certificate(context.site)
            found.update(_certificate_names(certificate, context.site))
    return tuple(sorted({name.lower() for name in found if _is_identifying(name.lower())}))


def _machine_names() -> Iterator[str]:
    name = socket.gethostname()
    yield name
    yield name.partition(".")[0]


def _url_hosts(value: object) -> Iterator[str]:
    """The host of every URL in the configuration."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _url_hosts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _url_hosts(each)
    elif isinstance(value, str) and "://" in value:
        with suppress(ValueError):
            yield urlsplit(value).hostname or ""


def _certificate_names(certificate: site_client.ServedCertificate, site: Site) -> Iterator[str]:
    for name in certificate.names:
        yield name.removeprefix("*.")
    # A public authority has thousands of customers; an unknown one may bear a family's name.
    if site.authority is not None or not certificate.known_issuer:
        yield certificate.issuer


def _is_identifying(name: str) -> bool:
    with suppress(ValueError):
        return not ipaddress.ip_address(name).is_loopback
    return name not in _COMMON
