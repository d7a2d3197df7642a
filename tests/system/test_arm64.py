"""The appliance on another processor: installed in a Debian for arm64, which is emulated.

For `./install.sh test --arm64`, which lets the kernel emulate it. The installation is the networked
one, with systemd and nginx. What is emulated takes ten to thirty times as long, so everybody's
patience is longer here, and the self-test may well warn of it; but nothing may fail.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import FIXTURES
from tests.system import debian, installing, release
from tests.system.machine import Machine, booted

FORMATS = Path("/proc/sys/fs/binfmt_misc")
PATIENCE = 20.0
SOURCE = "/srv/source"
UNIT = installing.UNIT
SETTINGS = "/etc/voice-appliance/appliance.toml"
pytestmark = [pytest.mark.emulation, pytest.mark.timeout(5400)]

# What the emulator cannot do: it refuses new processes with namespaces of their own, with which
# systemd hands over credentials, and it has a thread of its own, which no new user namespace may.
# Seccomp filters it ignores.
WITHOUT = {
    UNIT: (
        *("LoadCredential=", "SetCredential=", "PrivateUsers=no", "WatchdogSec=600"),
        # An emulated engine gives no sign for longer than a real one that hangs.
        "Environment=APPLIANCE__LIMITS__ENGINE_SECONDS=120",
    ),
    "voice-appliance-selftest.service": ("PrivateUsers=no",),
}
# What an older one shows of the wrong processor, and what then is read in vain (by ONNX Runtime).
INSTEAD = {
    "/proc/sys/kernel/arch": "aarch64\n",
    "/proc/cpuinfo": """processor\t: 0
BogoMIPS\t: 100.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

""",
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if reason := debian.obstacle():
        pytest.skip(reason)
    if not (FORMATS / "qemu-aarch64").exists():
        pytest.skip("this kernel emulates no arm64; ./install.sh test --arm64 lets it")
    place = tmp_path_factory.mktemp("arm64")
    checkout = installing.checkout(place / "checkout")
    lent = [(checkout, SOURCE), (FIXTURES, "/srv/fixtures")]
    with booted(
        debian.root("arm64"), place / "machine", lent, installing.prepare, PATIENCE
    ) as machine:
        machine.give_internet()
        yield machine


def emulate(machine: Machine) -> None:
    """Keeps away from the emulator what it cannot do, and from everybody what it does wrong."""
    binds = []
    for number, (place, text) in enumerate(INSTEAD.items()):
        instead = f"/etc/emulated-{number}"
        machine.write(instead, text)
        machine.run("mount", "--bind", instead, place)
        binds.append(f"BindReadOnlyPaths={instead}:{place}")
    for unit, lines in WITHOUT.items():
        drop_in = "\n".join(("[Service]", *lines, *binds, "TimeoutStartSec=3600", ""))
        machine.write(f"/etc/systemd/system/{unit}.d/emulated.conf", drop_in)
    machine.systemctl("daemon-reload")
    # systemd asks who of its callers is in which groups; of more than one, it would ask for ever.
    machine.run("groupdel", "video")


def platform(machine: Machine) -> str:
    told = machine.run("python3", "-c", "import platform; print(platform.platform())").stdout
    return told.strip()


def show(*texts: str) -> None:
    """For who waits for it, and for jetson/README.md."""
    sys.stdout.write("\n".join(("", *texts)))
    sys.stdout.flush()


def self_test(machine: Machine, what: str) -> str:
    """The table of a self-test of the running appliance, without a failure."""
    ran = machine.run("appliance", "selftest", check=False, seconds=600)
    show(f"$ appliance selftest  # {what}, {platform(machine)}", ran.stdout)
    assert ran.returncode == 0, machine.journal(UNIT)
    return ran.stdout


def test_it_installs_and_tests_itself_with_the_starter_engines(machine: Machine) -> None:
    emulate(machine)
    options = ("--yes", "--models", "none", "--ready-seconds", "3600")
    said = installing.run(machine, f"{SOURCE}/install.sh", *options)
    show(said)
    assert "aarch64" in platform(machine)
    assert installing.steps(said)["service"] == "done"
    # Nothing of what it was fetched with is left in root's home.
    left = machine.run("find", "/root", "-mindepth", "1", "-newer", "/etc/emulated-0")
    assert left.stdout == ""
    assert "sphinx" in self_test(machine, "the starter engines")


def test_it_tests_itself_with_the_micro_models(machine: Machine) -> None:
    given = machine.path(SETTINGS).read_text()
    machine.path(SETTINGS).write_text(given + release.MICRO_MODELS)
    machine.systemctl("restart", UNIT)
    machine.until(lambda: installing.answers(machine), 120)
    table = self_test(machine, "the micro models")
    assert re.search(r"whisper", table)
    assert re.search(r"kokoro", table)
