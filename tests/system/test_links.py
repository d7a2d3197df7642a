"""The daemon owns its state directory; a link that it puts there leads root nowhere."""

import pytest

from tests.system.installing import UNIT, answers, install, steps
from tests.system.machine import Machine

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)

STATE = "/var/lib/voice-appliance"


def as_daemon(machine: Machine, script: str) -> None:
    machine.run("runuser", "-u", "voice-appliance", "--", "sh", "-c", script)


def test_a_planted_link_is_a_fault_and_hands_nothing_over(installed: Machine) -> None:
    installed.until(lambda: answers(installed))
    before = installed.run("stat", "-c", "%a %U", "/etc").stdout
    as_daemon(installed, f"rmdir {STATE}/backups && ln -s /etc {STATE}/backups")
    said = install(installed, check=False)
    assert f"{STATE}/backups is a link, and must be a directory" in said
    assert installed.run("stat", "-c", "%a %U", "/etc").stdout == before
    as_daemon(installed, f"rm {STATE}/backups && mv {STATE}/models {STATE}/before")
    as_daemon(installed, f"ln -s /etc {STATE}/models")
    said = install(installed, check=False)
    assert f"{STATE}/models leads to /etc" in said


def test_models_may_stand_on_another_disk(installed: Machine) -> None:
    installed.run("install", "-d", "-o", "voice-appliance", "/mnt/nvme")
    installed.shell(f"rmdir {STATE}/models && ln -s /mnt/nvme {STATE}/models")
    installed.systemctl("restart", UNIT)
    installed.until(lambda: answers(installed))
    assert set(steps(install(installed)).values()) == {"unchanged"}
