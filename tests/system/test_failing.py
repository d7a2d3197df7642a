"""A daemon that does not run: it is tried six times, and then somebody is told; or it is helped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import release
from tests.system.machine import Machine, booted

UNIT = "voice-appliance.service"
FAILED = f"voice-appliance-failed@{UNIT}.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/instead.conf"


@pytest.fixture(scope="module")
def machine(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """An appliance that nobody has started yet."""
    state = tmp_path_factory.mktemp("failing")
    with booted(debian, state, release.LENT, release.lay) as machine:
        machine.run("systemd-sysusers")
        yield machine


def instead(machine: Machine, *command: str) -> None:
    """Lets the unit run another program, which says nothing to systemd; and forgets what was."""
    lines = (
        "[Service]",
        "Type=exec",
        "WatchdogSec=0",
        "ExecStart=",
        f"ExecStart={' '.join(command)}",
    )
    machine.write(DROP_IN, "\n".join((*lines, "")))
    machine.systemctl("daemon-reload")
    machine.systemctl("stop", UNIT, check=False)
    machine.systemctl("reset-failed")
    machine.run("journalctl", "--rotate", "--vacuum-time=1s")


def test_a_page_on_the_lan_waits_for_it(machine: Machine) -> None:
    """nginx says so at once instead of keeping people waiting."""
    url = release.serve_page(machine)
    asked = machine.run("curl", "-ks", "-H", "Accept: text/html", f"{url}/health")
    assert "it is starting" in asked.stdout


def test_after_six_starts_somebody_is_told(machine: Machine) -> None:
    instead(machine, "/bin/false")
    machine.systemctl("start", UNIT, check=False)
    machine.until(lambda: "has failed. journalctl -u" in machine.journal(FAILED))
    assert machine.show(UNIT, "ActiveState") == "failed"
    assert machine.journal(UNIT).count("Starting voice-appliance.service") == 6


def test_restarts_by_hand_are_no_failures(machine: Machine) -> None:
    instead(machine, "/bin/sleep", "infinity")
    machine.write(f"{release.PREFIX}/probation", "1.0.0 0.9.0\n")
    machine.systemctl("start", UNIT)
    for _ in range(6):
        machine.systemctl("restart", UNIT, check=False)
    machine.until(lambda: "restarted by hand" in machine.journal(FAILED))
    machine.until(lambda: machine.show(UNIT, "ActiveState") == "active")
    assert "going back" not in machine.journal(FAILED)
    machine.run("rm", f"{release.PREFIX}/probation")


def test_wrong_settings_are_no_fault_of_the_release(machine: Machine) -> None:
    instead(machine, "/bin/sh", "-c", "'exit 78'")
    machine.write(f"{release.PREFIX}/probation", "1.0.0 0.9.0\n")
    machine.systemctl("start", UNIT, check=False)
    machine.until(lambda: "cannot use its settings" in machine.journal(FAILED))
    assert machine.show(UNIT, "NRestarts") == "0"
    assert "going back" not in machine.journal(FAILED)
    machine.run("rm", f"{release.PREFIX}/probation")
