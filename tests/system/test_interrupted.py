"""The installer is killed, and the plug is pulled, at every step; run again, it goes on."""

import pytest

from tests.system import installing
from tests.system.installing import INSTALL, answers, changes, files, install, started, steps
from tests.system.machine import Machine

# An installation takes a minute on a quiet machine, and the first test waits for a bundle.
pytestmark = pytest.mark.timeout(1800)

# Each is done by the run after the one that was ended there.
KILLED_AT = ("user", "directories", "sources", "environment", "seal", "certificate", "preflight")
UNPLUGGED_AT = ("flip", "units", "nginx_site", "service")


def test_killed_at_every_step_it_ends_in_a_working_system(bare: Machine) -> None:
    bare.run("rm", "/etc/nginx/sites-enabled/default")
    for name in KILLED_AT:
        with started(bare, *INSTALL) as running:
            running.await_step(name)
            running.kill()
        if name == "environment":
            kill_in_the_middle(bare)
    for name in UNPLUGGED_AT:
        with started(bare, *INSTALL) as running:
            running.await_step(name)
            bare.unplug()
        bare.on()
    said = install(bare)
    assert steps(said)["service"] in ("done", "unchanged")
    assert answers(bare)
    left = bare.shell(f"ls -A {installing.PREFIX}").stdout.split()
    assert set(left) == {"current", "releases", "placed", "live", "nginx-enabled"}
    before = files(bare)
    assert set(steps(install(bare)).values()) == {"unchanged"}
    assert changes(before, files(bare)) == []


def kill_in_the_middle(machine: Machine) -> None:
    """Of its longest step, while the packages are unpacked."""
    releases = machine.path(f"{installing.PREFIX}/releases")
    for package in ("numpy", "onnxruntime"):
        with started(machine, *INSTALL) as running:
            running.await_step("environment")
            machine.until(lambda p=package: list(releases.glob(f"*/venv/lib/*/*/{p}")), 120)  # type: ignore[misc]
            running.kill()
