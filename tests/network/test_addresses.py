"""The addresses of this machine are those that nginx/certificate.sh signs."""

import subprocess
from pathlib import Path

import pytest

from appliance.network import addresses
from tests.hardware.boards import write
from tests.install.shell import CERTIFICATE


def shell(function: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs one function of certificate.sh."""
    cut = f"sed -n '/^{function}() {{/,/^}}/p' {CERTIFICATE}"
    return subprocess.run(
        ["bash", "-c", f'eval "$({cut})"; {function} "$@"', "bash", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_own_addresses_are_those_of_the_certificate() -> None:
    there = shell("machine_addresses").stdout.split()
    assert set(addresses.own()) == set(there)


def test_the_bridges_left_out_are_those_of_the_certificate() -> None:
    assert f"/^({'|'.join(addresses.BRIDGES)})/" in CERTIFICATE.read_text()


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.7", "11.0.0.7", "127.0.0.1", "192.168.1.20", "192.169.1.20", "169.254.3.4"),
        *("172.15.0.1", "172.16.0.1", "172.31.9.9", "172.32.0.1", "100.63.1.1", "100.64.1.1"),
        *("100.127.1.1", "100.128.1.1", "192.0.2.2", "8.8.8.8"),
        *("fd00::2", "fc12:3::4", "fe80::1", "2001:db8::7", "::1"),
    ],
)
def test_home_networks_are_those_of_the_certificate(address: str) -> None:
    assert addresses.is_home_address(address) is (
        shell("is_local_address", address).returncode == 0
    )


# Address, interface number, prefix, scope, flags and name, as the kernel writes them.
INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fe800000000000001a2b3cfffe4d5e6f 02 40 20 80     eth0
fd0000000000000000000000000000a7 02 40 00 80     eth0
fd0000000000000012345678abcdef01 02 40 00 01     eth0
fd00000000000000000000000000dead 02 40 00 20     eth0
20010db8000000000000000000000007 02 40 00 80     eth0
fd110000000000000000000000000001 05 40 00 80  docker0
"""


def test_temporary_and_deprecated_ipv6_addresses_are_left_out(tmp_path: Path) -> None:
    assert list(addresses._ipv6(tmp_path)) == []
    write(tmp_path, "proc/net/if_inet6", INET6)
    own = [address for address in addresses.own(tmp_path) if ":" in address]
    assert own == ["fd00::a7", "2001:db8::7"]


def test_the_address_of_the_default_route_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [("wg0", "10.9.0.1"), ("br-1f", "172.18.0.1"), ("eth0", "10.0.0.7")]
    monkeypatch.setattr(addresses, "_ipv4", lambda: iter(there))
    monkeypatch.setattr(addresses, "_default_route", lambda: ("10.0.0.7",))
    assert addresses.own(tmp_path) == ("10.0.0.7", "10.9.0.1")
    monkeypatch.setattr(addresses, "_ipv4", lambda: iter(()))
    assert addresses.own(tmp_path) == ("10.0.0.7",)
