"""By which names and addresses this household could be found: not to be in what is handed on."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from appliance.network.nginx_site import Site
from appliance.selftest import site_client
from appliance.selftest.context import CheckContext

# Of every machine, and nobody is found by them.
_COMMON = {"", "localhost", "localhost.localdomain"}


async def known(facts: CheckContext) -> tuple[str, ...]:
    """Hosts, addresses and authorities that a finding may name, in small letters.

    Those of the machine, of every address in the configuration, and of nginx's certificate.
    """
    found = {*facts.addresses, *_machine(), *_addressed(facts.config.model_dump())}
    if facts.site:
        found.update(site_client.listed(facts.site, "DNS", "IP"))
        with suppress(OSError):
            found.update(_certified(await site_client.shown(facts.site), facts.site))
    return tuple(sorted({name.lower() for name in found if _tells(name.lower())}))


def _machine() -> Iterator[str]:
    name = socket.gethostname()
    yield name
    yield name.partition(".")[0]


def _addressed(value: object) -> Iterator[str]:
    """The host of everything in the configuration that is a URL."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _addressed(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _addressed(each)
    elif isinstance(value, str) and "://" in value:
        with suppress(ValueError):
            yield urlsplit(value).hostname or ""


def _certified(shown: site_client.Shown, site: Site) -> Iterator[str]:
    for name in shown.names:
        yield name.removeprefix("*.")
    # A public authority has thousands of customers; one that nobody here knows may be a family's.
    if site.authority is not None or not shown.vouched:
        yield shown.issuer


def _tells(name: str) -> bool:
    with suppress(ValueError):
        return not ipaddress.ip_address(name).is_loopback
    return name not in _COMMON
