"""Which Debian packages an installation brings, and what it does without those that are a wish."""

import os
import socket

import pytest

from tests.install.device import Device

# A machine that has everything but somebody who answers for its .local name.
MACHINE = """
has_package() { true; }
missing() { printf '%s\\n' "$@" | sed -n 's/^avahi-daemon=//p'; }
hears_mdns() { [[ -n ${heard:-} ]]; }
"""
# As the kernel lists sockets: a heading, and port 5353 or the one beside it.
LIST = "cat() {{ printf '  sl  local_address\\n  7: 00000000:{} 00000000:0000 07\\n'; return 1; }}"


@pytest.mark.parametrize(
    ("machine", "brought"),
    [("", "avahi-daemon\n"), ("heard=yes", ""), ("no_nginx=yes", ""), ("bundle=/srv/b", "")],
)
def test_avahi_comes_where_a_page_has_a_local_name_that_nobody_answers_for(
    device: Device, machine: str, brought: str
) -> None:
    assert device.does(f"{MACHINE}\n{machine}\nwanted_packages") == brought


@pytest.mark.parametrize(("heard", "warned"), [("", True), ("yes", False)])
def test_without_a_network_it_is_missed_and_nothing_fails(
    device: Device, heard: str, warned: bool
) -> None:
    said = device.tries(f"{MACHINE}\nheard={heard} bundle=/srv/b\nrun_step packages")
    assert said.returncode == 0
    assert "packages       unchanged" in said.stderr
    assert ("Debian package avahi-daemon" in said.stderr) is warned


@pytest.mark.parametrize(("port", "heard"), [("14E9", "yes\n"), ("14EA", "no\n")])
def test_without_ipv6_a_list_of_sockets_is_missing(device: Device, port: str, heard: str) -> None:
    ask = "if hears_mdns; then echo yes; else echo no; fi"
    assert device.does(f"{LIST.format(port)}\n{ask}") == heard


def test_whoever_has_the_port_is_seen(device: Device) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        resolver.bind(("127.0.0.1", 5353))
        device.does("hears_mdns")


def test_of_a_clock_that_was_ahead_it_says_what_helps(device: Device) -> None:
    os.utime(device.root / "install.sh", (4_070_908_800, 4_070_908_800))
    told = device.does("check_clock; printf '%s\\n' \"${faults[@]}\"")
    assert (
        f"If it is right, a clock that was ahead has dated the program: touch {device.root}" in told
    )
