"""The unit files as systemd itself reads them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import release
from tests.system.machine import Machine, booted

ORIN = (
    *("nvmap", "host1x-fence", "nvhost-ctrl-gpu", "nvgpu/igpu0/as", "nvgpu/igpu0/channel"),
    *("nvgpu/igpu0/ctrl", "nvgpu/igpu0/power", "nvgpu/igpu0/tsg", "dri/renderD128"),
)
MOST = {
    "voice-appliance.service": 1.5,
    "voice-appliance-selftest.service": 1.5,
    "voice-appliance-llm.service": 1.5,
    "voice-appliance-certs.service": 2.5,
    "nginx.service": 2.5,
}
DROP_INS = "/etc/systemd/system/voice-appliance.service.d"


@pytest.fixture(scope="module")
def machine(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    state = tmp_path_factory.mktemp("units")
    with booted(debian, state, release.LENT, lambda m: release.lay(m)) as machine:
        machine.run("systemd-sysusers")
        yield machine


def exposure(machine: Machine, unit: str) -> float:
    """What `systemd-analyze security` makes of a unit and its drop-ins."""
    version = int(machine.run("systemctl", "--version").stdout.split()[1])
    offline = ["--offline=true"] if version >= 250 else []
    told = machine.run("systemd-analyze", "security", "--no-pager", *offline, unit).stdout
    found = re.search(r"exposure level for \S+: ([0-9.]+)", told)
    assert found, told
    return float(found[1])


def test_systemd_finds_nothing_to_say_of_them(machine: Machine) -> None:
    for unit in (release.REPOSITORY / "install" / "units").glob("*.*"):
        machine.write(f"/etc/systemd/system/{unit.name}", unit.read_bytes())
        machine.write(f"{release.CURRENT}/bin/end-probation", "#!/bin/sh\n", 0o755)
    placed = machine.path("/etc/systemd/system").glob("voice-appliance*.*")
    units = [f"/etc/systemd/system/{unit.name}" for unit in placed if unit.is_file()]
    whole = [unit.replace("@.", "@x.") for unit in units]
    machine.write(f"{release.CURRENT}/README.md", "")
    machine.write(f"{release.CURRENT}/nginx/renew.sh", "#!/bin/sh\n", 0o755)
    assert len(whole) >= 7
    told = machine.run("systemd-analyze", "verify", *whole)
    assert (told.stdout, told.stderr) == ("", "")


@pytest.mark.parametrize(("unit", "most"), MOST.items())
def test_they_are_as_closed_as_promised(machine: Machine, unit: str, most: float) -> None:
    assert exposure(machine, unit) <= most


def test_the_gpu_opens_it_only_a_little(machine: Machine) -> None:
    drop_in = gpu(machine)
    machine.write(f"{DROP_INS}/devices.conf", drop_in)
    machine.systemctl("daemon-reload")
    try:
        assert exposure(machine, "voice-appliance.service") <= 2.0
    finally:
        machine.run("rm", "-r", DROP_INS)
        machine.systemctl("daemon-reload")


def gpu(machine: Machine) -> str:
    """The drop-in that devices.sh makes of a board like Orin."""
    board = "/srv/orin"
    machine.run("groupadd", "--force", "--system", "render")
    kinds = ("Character devices:", " 10 misc", "504 nvgpu", "506 nvhost", "511 nvme", "")
    machine.write(f"{board}/proc/devices", "\n".join((*kinds, "Block devices:", "259 nvidia", "")))
    for name in (*ORIN, "nvme0", "nvram", "null"):
        machine.write(f"{board}/dev/{name}", "", 0o660)
        group = "render" if name.startswith("dri/") else "video"
        machine.run("chgrp", group, f"{board}/dev/{name}")
    return machine.run(f"{release.CURRENT}/units/devices.sh", board).stdout


def test_the_list_of_devices_is_the_boards_own(machine: Machine) -> None:
    lines = [line for line in gpu(machine).splitlines() if "=" in line]
    allowed = {
        line.removeprefix("DeviceAllow=") for line in lines if line.startswith("DeviceAllow")
    }
    assert allowed == {f"/dev/{name} rw" for name in ORIN} | {"char-nvgpu rw", "char-nvhost rw"}
    assert [line for line in lines if line not in {f"DeviceAllow={a}" for a in allowed}] == [
        "PrivateDevices=no",
        "DevicePolicy=closed",
        "SupplementaryGroups=render",
        "SupplementaryGroups=video",
    ]


def test_without_a_gpu_there_is_no_drop_in(machine: Machine) -> None:
    assert machine.run(f"{release.CURRENT}/units/devices.sh").stdout == ""


def test_every_secret_can_be_given_as_a_credential() -> None:
    from appliance.app.systemd import SECRETS
    from appliance.config.loader import load
    from appliance.config.programs import unit_exceptions

    unit = (release.UNITS / "voice-appliance.service").read_text()
    # Claude Code's is for those who have it, and comes with what else it may do.
    claude = {"ENABLED": "true", "COMMAND": "/bin/true", "DIRECTORY": "/srv/project"}
    settings = {f"APPLIANCE__AGENTS__CLAUDE__{key}": value for key, value in claude.items()}
    for name in SECRETS:
        given = unit_exceptions(load([], settings)) if name == "ANTHROPIC_API_KEY" else unit
        place = f"/etc/voice-appliance/credentials/{name.lower()}"
        assert f"\nLoadCredential={name.lower()}:{place}\n" in given
        assert f"\nSetCredential={name.lower()}:\\n\n" in given


# Real devices of the kernel stand in for a GPU's: one by its name, one that nobody may have.
FUSE, LOOP = ("c", "10", "229"), ("c", "10", "237")
PROBE = """
import os
for name in ("nvmap", "another"):
    try:
        os.close(os.open(f"/dev/{name}", os.O_RDWR))
        print(name, "opens")
    except OSError as error:
        print(name, type(error).__name__)
"""


def probed(machine: Machine) -> dict[str, str]:
    """What the service's sandbox lets its user do with the two devices."""
    machine.write(f"{release.PREFIX}/probe.py", PROBE)
    # A oneshot service may be restarted by no status, and the manager refuses the unit that asks.
    kind = ("Type=oneshot", "RestartForceExitStatus=")
    lines = (*kind, "WatchdogSec=0", "ExecStopPost=", "ExecStart=")
    start = f"ExecStart=/usr/bin/python3 {release.PREFIX}/probe.py"
    machine.write(f"{DROP_INS}/probe.conf", "\n".join(("[Service]", *lines, start, "")))
    machine.systemctl("daemon-reload")
    machine.run("journalctl", "--rotate", "--vacuum-time=1s")
    machine.systemctl("start", "voice-appliance.service")
    machine.run("journalctl", "--sync")
    told = machine.run("journalctl", "-u", "voice-appliance.service", "-o", "cat").stdout
    return dict(line.split() for line in told.splitlines() if line.startswith(("nvmap ", "anoth")))


def test_the_sandbox_opens_for_the_gpu_alone(machine: Machine) -> None:
    for name, number in (("nvmap", FUSE), ("another", LOOP)):
        machine.run("mknod", "-m", "660", f"/dev/{name}", *number)
        machine.run("chgrp", "video", f"/dev/{name}")
    try:
        denied = {"nvmap": "FileNotFoundError", "another": "FileNotFoundError"}
        assert probed(machine) == denied
        drop_in = machine.run(f"{release.CURRENT}/units/devices.sh").stdout
        machine.write(f"{DROP_INS}/devices.conf", drop_in)
        assert probed(machine) == {"nvmap": "opens", "another": "PermissionError"}
    finally:
        machine.run("rm", "-r", DROP_INS, "/dev/nvmap", "/dev/another")
        machine.systemctl("daemon-reload")
