"""The daemon's own directory: what the installer makes there, and which links it accepts."""

import os
import stat
from pathlib import Path

import pytest

from tests.install.device import Device

STEP = "run_step directories"
FAULTS = 'check_state; printf "%s\\n" "${faults[@]}"'


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """Whose they are is for a machine that has the daemon's user (tests/system)."""
    made = Device(tmp_path)
    file = made.root / "install" / "device.sh"
    text = file.read_text()
    assert "USER_NAME=voice-appliance" in text
    own = text.replace("USER_NAME=voice-appliance", "USER_NAME=$(id -un)")
    file.write_text(f"{own}\nchown() {{ :; }}\n")
    source = made.root / "install" / "system.sh"
    source.write_text(f"{source.read_text()}\ndirectories() {{ :; }}\n")
    return made


def modes(device: Device) -> dict[str, int]:
    return {one.name: stat.S_IMODE(one.lstat().st_mode) for one in device.state.iterdir()}


def test_they_are_made_once(device: Device) -> None:
    assert "done" in device.tries(STEP).stderr
    assert modes(device) == {"models": 0o755, "backups": 0o700}
    assert "unchanged" in device.tries(STEP).stderr


def test_models_may_be_on_another_disk(device: Device, tmp_path: Path) -> None:
    disk = tmp_path / "nvme"
    disk.mkdir(mode=0o700)
    (device.state / "models").symlink_to(disk)
    assert device.does(FAULTS).strip() == ""
    assert "done" in device.tries(STEP).stderr
    assert "unchanged" in device.tries(STEP).stderr
    assert (device.state / "models").is_symlink()
    assert stat.S_IMODE(disk.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["backups", "models"])
def test_other_links_are_a_fault_and_nothing_is_done_to_where_they_lead(
    device: Device, tmp_path: Path, name: str
) -> None:
    place = tmp_path / "place"
    place.touch(mode=0o644)
    if name == "backups":
        place = tmp_path / "directory"
        place.mkdir(mode=0o755)
    (device.state / name).symlink_to(place)
    told = device.does(FAULTS)
    assert f"{device.state / name} " in told
    assert "is a link" in told or "leads to" in told
    before = place.stat()
    done = device.tries(STEP)
    assert done.returncode == 1
    after = place.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)


def test_models_of_a_bundle_nobody_else_can_read_are_copied(device: Device, tmp_path: Path) -> None:
    """Root opens the file, the daemon's user writes it."""
    store = tmp_path / "bundle" / "models" / "store" / "mine"
    store.mkdir(parents=True)
    (store / "model.bin").write_text("a model")
    os.link(store / "model.bin", store / "again.bin")
    noted = f'as_appliance() {{ echo "$1" >>{tmp_path}/calls; "$@"; }}'
    device.does(f"bundle={tmp_path}/bundle; {noted}; do_models; check_models")
    told = (tmp_path / "calls").read_text().split()
    assert told == ["mkdir", "bash", "mkdir", "ln"]
    kept = device.state / "models" / "mine"
    assert (kept / "model.bin").read_text() == "a model"
    assert (kept / "model.bin").samefile(kept / "again.bin")
    assert stat.S_IMODE((kept / "model.bin").stat().st_mode) == 0o644
