"""By which addresses this machine is reached: those for which nginx/certificate.sh signs.

Asked of the kernel without `ip`, because a netlink socket is refused in the sandbox of the nightly
self-test.
"""

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

# As certificate.sh has it; a test compares them.
BRIDGES = ("docker", "br-", "veth", "virbr")
HOME = (
    *("10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16", "169.254.0.0/16", "172.16.0.0/12"),
    *("100.64.0.0/10", "fc00::/7"),
)

_NOWHERE = ("192.0.2.1", 9)  # reserved for documentation: nothing is sent there
# From <linux/sockios.h>, <net/if.h> and <linux/if_addr.h>.
_GET_ADDRESSES, _GET_FLAGS = 0x8912, 0x8913
_ENTRY_BYTES = 40  # struct ifreq on 64 bits
_MOST_ENTRIES = 256
_UP = 0x1
_TEMPORARY, _DEPRECATED = 0x01, 0x20
_GLOBAL_SCOPE = "00"


def own(root: Path = Path("/")) -> tuple[str, ...]:
    """The addresses of this machine from outside, that of the way to the network first.

    Containers' bridges are left out, and so are IPv6 addresses that are about to change.
    """
    found = [address for name, address in (*_ipv4(), *_ipv6(root)) if not name.startswith(BRIDGES)]
    way = _towards_the_network()
    return tuple(dict.fromkeys(sorted(found or way, key=lambda address: address not in way)))


def at_home(address: str) -> bool:
    """Whether it is one of a home network; for others the certificate is not made, on purpose."""
    number = ipaddress.ip_address(address)
    return any(number in ipaddress.ip_network(network) for network in HOME)


def _towards_the_network() -> tuple[str, ...]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:
            return ()
        return (str(probe.getsockname()[0]),)


def _ipv4() -> Iterator[tuple[str, str]]:
    """Interface and address, of interfaces that are up."""
    buffer = array.array("B", bytes(_ENTRY_BYTES * _MOST_ENTRIES))
    wish = struct.pack("iP", len(buffer), buffer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            used, _ = struct.unpack("iP", fcntl.ioctl(probe, _GET_ADDRESSES, wish))
        except OSError:
            return
        for at in range(0, used, _ENTRY_BYTES):
            entry = buffer[at : at + _ENTRY_BYTES].tobytes()
            address = ipaddress.IPv4Address(entry[20:24])
            # Those of the link alone are of no use to a browser, and `ip` leaves them out too.
            if _is_up(probe, entry) and not (address.is_loopback or address.is_link_local):
                yield entry[:16].partition(b"\0")[0].decode(errors="replace"), str(address)


def _is_up(probe: socket.socket, entry: bytes) -> bool:
    try:
        told = fcntl.ioctl(probe, _GET_FLAGS, entry)
    except OSError:  # it is gone by now
        return False
    (flags,) = struct.unpack_from("H", told, 16)
    return bool(flags & _UP)


def _ipv6(root: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = (root / "proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:  # a machine without IPv6
        return
    for address, _, _, scope, flags, name in map(str.split, lines):
        if scope == _GLOBAL_SCOPE and not int(flags, 16) & (_TEMPORARY | _DEPRECATED):
            yield name, str(ipaddress.IPv6Address(bytes.fromhex(address)))
