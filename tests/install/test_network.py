"""nginx/network/changed.sh: which news of a network makes the certificate be looked at."""

import os
from pathlib import Path

import pytest

from tests.install.shell import ROOT, run

CHANGED = ROOT / "nginx" / "network" / "changed.sh"
UNIT = "voice-appliance-certs.service"


@pytest.mark.parametrize(
    ("arguments", "looked"),
    [
        (("eth0", "up"), True),
        (("wlan0", "dhcp4-change"), True),
        (("", "hostname"), True),
        ((), True),
        (("eth0", "pre-up"), False),
        (("eth0", "connectivity-change"), False),
        (("lo", "up"), False),
        (("docker0", "up"), False),
        (("br-7f3a", "up"), False),
        (("veth12", "down"), False),
    ],
)
def test_an_address_of_the_house_and_nothing_else(
    tmp_path: Path, arguments: tuple[str, ...], looked: bool
) -> None:
    called = tmp_path / "called"
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >"{called}"\n')
    (tmp_path / "systemctl").chmod(0o755)
    done = run(CHANGED, *arguments, environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert called.exists() is looked
    if looked:
        assert called.read_text() == f"start --no-block {UNIT}\n"


def test_the_unit_is_there_and_watches_networkd_too() -> None:
    assert (ROOT / "systemd" / UNIT).is_file()
    path = (ROOT / "systemd" / UNIT).with_suffix(".path").read_text()
    assert "PathChanged=/run/systemd/netif/state" in path
