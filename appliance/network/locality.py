"""Classifies hosts by their addresses: this machine, its network, or elsewhere.

Two promises rest on the same classification: a host on this machine or in its network is never
reached through a proxy (`network.proxies`), and only words for this machine have not left the box.
"""

import ipaddress
import socket
from enum import StrEnum
from urllib.parse import urlsplit

from appliance.network.addresses import is_home_address


class Locality(StrEnum):
    """The place of a host, as seen from this machine."""

    MACHINE = "machine"
    NETWORK = "network"
    ELSEWHERE = "elsewhere"


def locality_of_url(url: str) -> Locality:
    """The locality of a URL's host; ELSEWHERE without a host. Resolves names, and so may block."""
    return locality_of_host(urlsplit(url).hostname or "")


def locality_of_host(host: str) -> Locality:
    """The locality of a name or address. Resolves names, and so may block.

    A name with a private address is in the network, whichever other addresses it has: machines of
    a home network often have a global IPv6 address too. A name without an address is ELSEWHERE.
    """
    known = locality_without_lookup(host)
    if known is not None:
        return known
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Locality.ELSEWHERE
    places = {_locality_of_address(str(info[4][0])) for info in found}
    if places == {Locality.MACHINE}:
        return Locality.MACHINE
    return Locality.ELSEWHERE if places == {Locality.ELSEWHERE} else Locality.NETWORK


def locality_without_lookup(host: str) -> Locality | None:
    """The locality of an address or a reserved name; None for a name that must be resolved."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return Locality.MACHINE
    if name.endswith(".local"):  # multicast DNS, which does not leave the network
        return Locality.NETWORK
    if not name:
        return Locality.ELSEWHERE
    try:
        return _locality_of_address(name)
    except ValueError:
        return None


def _locality_of_address(address: str) -> Locality:
    """Raises ValueError for what is no address."""
    number = ipaddress.ip_address(address)
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped:
        number = number.ipv4_mapped
    if number.is_loopback:
        return Locality.MACHINE
    if number.is_link_local or is_home_address(str(number)):
        return Locality.NETWORK
    return Locality.ELSEWHERE
