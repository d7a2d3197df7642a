import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.hardware.detect import Hardware, L4t, detect
from appliance.hardware.nvml import Card
from tests.hardware import boards
from tests.hardware.boards import BOARDS, Board, meminfo, write


@pytest.mark.parametrize(
    ("name", "soc", "module", "l4t", "jetpack", "capability", "cores"),
    [
        ("orin nano super", "tegra234", "p3767-0005", "39.2.1", "7.2.1-b49", (8, 7), 6),
        ("orin nano 4 GB", "tegra234", "p3767-0004", "39.2.0", "", (8, 7), 6),
        ("orin nx 16 GB", "tegra234", "p3767-0000", "36.5.0", "6.2.2+b24", (8, 7), 8),
        (
            "orin nano with the bad release",
            "tegra234",
            "p3767-0005",
            "36.4.7",
            "6.2.1+b38",
            (8, 7),
            6,
        ),
        ("agx orin", "tegra234", "p3701-0005", "39.2.1", "", (8, 7), 12),
        ("agx orin on jetpack 5", "tegra234", "p3701-0000", "35.3.1", "", (8, 7), 10),
        ("nano", "tegra210", "p3450-0000", "32.7.1", "", (5, 3), 4),
        ("thor", "tegra264", "p3834-0008", "38.4.0", "", (11, 0), 14),
    ],
)
def test_recorded_boards(
    tmp_path: Path,
    name: str,
    soc: str,
    module: str,
    l4t: str,
    jetpack: str,
    capability: tuple[int, int],
    cores: int,
) -> None:
    board = BOARDS[name]
    found = detect(board.lay(tmp_path))
    assert found.model == board.model
    assert (found.soc, found.module, str(found.l4t), found.jetpack) == (soc, module, l4t, jetpack)
    assert (found.compute_capability, found.cores) == (capability, cores)
    assert found.memory_total == board.total * 1024
    assert found.memory_available == board.available * 1024
    assert found.is_jetson
    assert found.architecture == "aarch64"
    assert found.gpu == f"{soc} integrated GPU"


def test_releases_have_an_order() -> None:
    assert L4t(36, 4, 7) < L4t(36, 5, 0) < L4t(39, 2, 1)


def test_a_gpu_whose_driver_is_not_up_is_not_detected(tmp_path: Path) -> None:
    assert detect(replace(boards.ORIN_NANO_SUPER, gpu="").lay(tmp_path)).gpu == ""


def test_a_gpu_is_known_by_the_name_in_the_device_tree(tmp_path: Path) -> None:
    root = replace(boards.ORIN_NANO_SUPER, gpu="17000000.g").lay(tmp_path)
    assert detect(root).gpu == ""
    write(root, "sys/class/devfreq/17000000.g/device/of_node/name", "ga10b\0")
    assert detect(root).gpu


def test_the_release_file_comes_before_the_package(tmp_path: Path) -> None:
    board = replace(boards.ORIN_NANO_SUPER, core="36.4.7-20250918154033")
    assert detect(board.lay(tmp_path)).l4t == L4t(39, 2, 1)


def test_another_arm_machine_is_no_jetson(tmp_path: Path) -> None:
    pi = Board("Raspberry Pi 5 Model B Rev 1.0", ("raspberrypi,5-model-b", "brcm,bcm2712"), gpu="")
    root = pi.lay(tmp_path)
    write(root, "proc/sys/kernel/arch", "aarch64\n")
    found = detect(root)
    assert not found.is_jetson
    assert (found.soc, found.l4t, found.gpu) == ("", None, "")
    assert found.architecture == "aarch64"


def test_a_graphics_card_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        "proc/driver/nvidia/gpus/0000:01:00.0/information",
        "Model: \t\t NVIDIA GeForce RTX 4060\nIRQ:   \t\t 16\n",
    )
    found = detect(tmp_path)
    assert found.gpu == "NVIDIA GeForce RTX 4060"
    assert found.gpu_memory is None
    assert not found.is_jetson


def test_a_jetson_whose_gpu_is_reported_as_a_card_has_no_memory_of_its_own(tmp_path: Path) -> None:
    """In a container the device tree may be missing, and with it the name of the SoC."""
    write(tmp_path, "etc/nv_tegra_release", "# R39 (release), REVISION: 2.1, GCID: 1\n")
    orin = Card("Orin (nvgpu)", 8_000_000_000, 5_000_000_000, (8, 7))
    found = detect(tmp_path, lambda: [orin])
    assert (found.soc, found.is_jetson, found.gpu) == ("", True, "Orin (nvgpu)")
    assert (found.gpu_memory, found.gpu_memory_free) == (None, None)


def test_the_limits_of_a_container_count(tmp_path: Path) -> None:
    root = boards.AGX_ORIN.lay(tmp_path)
    write(root, "sys/fs/cgroup/cpu.max", "250000 100000\n")
    write(root, "sys/fs/cgroup/memory.max", f"{8 * 2**30}\n")
    write(root, "sys/fs/cgroup/memory.current", f"{3 * 2**30}\n")
    found = detect(root)
    assert found.cores == 3
    assert (found.memory_total, found.memory_available) == (8 * 2**30, 5 * 2**30)
    write(root, "sys/fs/cgroup/cpu.max", "max 100000\n")
    write(root, "sys/fs/cgroup/memory.max", "max\n")
    assert (detect(root).cores, detect(root).memory_total) == (12, 64_000_000 * 1024)


def test_missing_files_are_no_error(tmp_path: Path) -> None:
    found = detect(tmp_path)
    assert found == Hardware("", "unknown", 1, 0, 0)


def test_damaged_files_are_no_error(tmp_path: Path) -> None:
    root = boards.ORIN_NANO_SUPER.lay(tmp_path)
    for name in ("proc/meminfo", "etc/nv_tegra_release", "sys/devices/system/cpu/online"):
        (root / name).write_bytes(b"\xff\xfe R39 \0 x-y, MemTotal: lots kB")
    (root / "var/lib/dpkg/status").unlink()
    found = detect(root)
    assert (found.l4t, found.memory_total, found.cores) == (None, 0, 1)
    assert found.is_jetson


def test_the_architecture_under_an_older_kernel(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/env").write_bytes(b"\x7fELF" + bytes(14) + b"\xb7\x00" + bytes(8))
    assert detect(tmp_path).architecture == "aarch64"


def test_this_machine() -> None:
    found = detect()
    assert found.architecture == platform.machine()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 0 < found.memory_available <= found.memory_total
    assert found.memory_total > 256 * 2**20
    assert meminfo(1, 1)
