"""Finds the addresses of this machine, and tells which hosts are on its own network.

The addresses are those that nginx/certificate.sh signs. They are read from the kernel by ioctl and
/proc, not by `ip`: the sandbox of the nightly self-test refuses netlink sockets.
"""

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

# The same as in certificate.sh; a test compares them.
BRIDGES = ("docker", "br-", "veth", "virbr")
HOME_NETWORKS = (
    *("10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16", "172.16.0.0/12"),
    *("100.64.0.0/10", "fc00::/7"),
)

_DOCUMENTATION_ADDRESS = ("192.0.2.1", 9)  # RFC 5737; connecting a UDP socket sends nothing
# From <linux/sockios.h>, <net/if.h> and <linux/if_addr.h>.
_GET_ADDRESSES, _GET_FLAGS = 0x8912, 0x8913
_ENTRY_BYTES = 40  # struct ifreq on 64 bits
_MOST_ENTRIES = 256
_UP = 0x1
_TEMPORARY, _DEPRECATED = 0x01, 0x20
_GLOBAL_SCOPE = "00"


def own(root: Path = Path("/")) -> tuple[str, ...]:
    """Returns the addresses of this machine; that of the default route comes first.

    Leaves out the bridges of containers, and IPv6 addresses that are temporary or deprecated.
    """
    found = [address for name, address in (*_ipv4(), *_ipv6(root)) if not name.startswith(BRIDGES)]
    default = _default_route()
    return tuple(
        dict.fromkeys(sorted(found or default, key=lambda address: address not in default))
    )


def is_home_address(address: str) -> bool:
    """Whether an address is of a home network; the certificate deliberately covers no others."""
    number = ipaddress.ip_address(address)
    return any(number in ipaddress.ip_network(network) for network in HOME_NETWORKS)


def _default_route() -> tuple[str, ...]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_DOCUMENTATION_ADDRESS)
        except OSError:
            return ()
        return (str(probe.getsockname()[0]),)


def _ipv4() -> Iterator[tuple[str, str]]:
    """Yields the name and the IPv4 address of each interface that is up."""
    buffer = array.array("B", bytes(_ENTRY_BYTES * _MOST_ENTRIES))
    request = struct.pack("iP", len(buffer), buffer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            used, _ = struct.unpack("iP", fcntl.ioctl(probe, _GET_ADDRESSES, request))
        except OSError:
            return
        for at in range(0, used, _ENTRY_BYTES):
            entry = buffer[at : at + _ENTRY_BYTES].tobytes()
            address = ipaddress.IPv4Address(entry[20:24])
            # Link-local addresses are of no use to a browser; certificate.sh leaves them out too.
            if _is_up(probe, entry) and not (address.is_loopback or address.is_link_local):
                yield entry[:16].partition(b"\0")[0].decode(errors="replace"), str(address)


def _is_up(probe: socket.socket, entry: bytes) -> bool:
    try:
        answer = fcntl.ioctl(probe, _GET_FLAGS, entry)
    except OSError:  # the interface has gone meanwhile
        return False
    (flags,) = struct.unpack_from("H", answer, 16)
    return bool(flags & _UP)


def _ipv6(root: Path) -> Iterator[tuple[str, str]]:
    """Yields the name and each global, lasting IPv6 address of the interfaces."""
    try:
        lines = (root / "proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:  # a machine without IPv6
        return
    for address, _, _, scope, flags, name in map(str.split, lines):
        if scope == _GLOBAL_SCOPE and not int(flags, 16) & (_TEMPORARY | _DEPRECATED):
            yield name, str(ipaddress.IPv6Address(bytes.fromhex(address)))


class Locality(StrEnum):
    """The place of a host, as seen from this machine."""

    MACHINE = "machine"
    NETWORK = "network"
    ELSEWHERE = "elsewhere"


def is_on_this_machine(url: str, hosts: Path = Path("/etc/hosts")) -> bool:
    """Whether a URL's host is this machine, told without asking a name server.

    A question for a name would already leave the machine. So a name counts as this machine only
    where it is reserved for it, or where the hosts file gives it loopback addresses and no others.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    known = locality_without_lookup(host)
    if known is not None:
        return known is Locality.MACHINE
    try:
        listed = [line.partition("#")[0].split() for line in hosts.read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        listed = []
    addresses = [entry[0] for entry in listed if host in map(str.lower, entry[1:])]
    return all(_is_loopback(address) for address in addresses or [host])


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


def _is_loopback(address: str) -> bool:
    """Whether it is a loopback address, in any form that connecting accepts ("127.1" too)."""
    try:
        found = socket.getaddrinfo(address, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):  # a name, or no address at all
        return False
    return _locality_of_address(str(found[0][4][0])) is Locality.MACHINE


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
