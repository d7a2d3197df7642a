from pathlib import Path

import pytest

from appliance.hardware import sysfs
from appliance.hardware.detect import cores, memory
from appliance.hardware.memory_pressure import MemoryPool, has_room, read_pools
from appliance.hardware.model_profiles import MB
from appliance.hardware.nvml import Card
from tests.hardware.boards import meminfo, write

UNIT = "sys/fs/cgroup/system.slice/voice-appliance.service"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with 8 GB, 5 of them available, on which the appliance runs as a unit."""
    write(tmp_path, "proc/meminfo", meminfo(8_000_000, 5_000_000))
    write(
        tmp_path, "proc/self/cgroup", "1:name=systemd:/\n0::/system.slice/voice-appliance.service\n"
    )
    write(tmp_path, "sys/devices/system/cpu/online", "0-7\n")
    write(tmp_path, f"{UNIT}/memory.max", "max\n")
    return tmp_path


def test_without_limits_the_machine_is_the_limit(root: Path) -> None:
    assert memory(root) == (8_000_000 * 1024, 5_000_000 * 1024)
    assert cores(root) == 8


def test_the_limit_of_the_unit_counts_and_reclaimable_memory_is_available(root: Path) -> None:
    write(root, f"{UNIT}/memory.max", f"{2000 * MB}\n")
    write(root, f"{UNIT}/memory.current", f"{1900 * MB}\n")
    assert memory(root) == (2000 * MB, 100 * MB)
    stat = f"anon {500 * MB}\ninactive_file {900 * MB}\nactive_file {400 * MB}\n"
    write(root, f"{UNIT}/memory.stat", stat + f"slab_reclaimable {100 * MB}\n")
    assert memory(root) == (2000 * MB, 1500 * MB)
    write(root, f"{UNIT}/memory.high", f"{1500 * MB}\n")
    assert memory(root) == (1500 * MB, 1000 * MB)


def test_the_limits_of_the_slice_count_as_well(root: Path) -> None:
    write(root, "sys/fs/cgroup/system.slice/memory.max", f"{1000 * MB}\n")
    write(root, "sys/fs/cgroup/system.slice/memory.current", f"{950 * MB}\n")
    write(root, "sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n")
    assert memory(root) == (1000 * MB, 50 * MB)
    assert cores(root) == 3


def test_a_group_outside_the_visible_tree_is_ignored(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/../../elsewhere\n")
    assert sysfs.groups(root) == [root / "sys/fs/cgroup"]


def test_stalls_of_the_machine_or_of_the_unit(root: Path) -> None:
    assert sysfs.stalled(root) == 0
    some = "some avg10=40.00 avg60=1.00 avg300=0.00 total=1\n"
    write(root, "proc/pressure/memory", some + "full avg10=12.50 avg60=0.00 avg300=0 total=1\n")
    assert sysfs.stalled(root) == 0.125
    write(root, f"{UNIT}/memory.pressure", some + "full avg10=55.00 avg60=0 avg300=0 total=1\n")
    assert sysfs.stalled(root) == 0.55
    write(root, f"{UNIT}/memory.pressure", "full avg10=broken\n")
    assert sysfs.stalled(root) == 0.125


def test_pools_of_the_machine_and_of_the_tightest_card(root: Path) -> None:
    cards = (
        Card("one", 24_000 * MB, 20_000 * MB),
        Card("two", 8_000 * MB, 2_000 * MB),
        Card("mute"),
    )
    found = read_pools(root, lambda: cards)
    assert found[MemoryPool.HOST][0].available == 5_000_000 * 1024
    assert found[MemoryPool.GPU][0].available == 2_000 * MB
    assert list(read_pools(root, tuple)) == [MemoryPool.HOST]


def test_there_is_room_while_memory_stays_ample(root: Path) -> None:
    card = (Card("one", 8_000 * MB, 2_000 * MB),)
    assert has_room(4000 * MB, pool=MemoryPool.HOST, root=root)
    assert not has_room(4500 * MB, pool=MemoryPool.HOST, root=root)
    assert has_room(1400 * MB, pool=MemoryPool.GPU, root=root, cards=lambda: card)
    assert not has_room(1600 * MB, pool=MemoryPool.GPU, root=root, cards=lambda: card)
    assert has_room(10**12, pool=MemoryPool.GPU, root=root, cards=tuple)
    write(root, "proc/meminfo", "")
    assert has_room(10**12, pool=MemoryPool.HOST, root=root)
    assert read_pools(root, tuple) == {}


def pressure(microseconds: int) -> str:
    return f"some avg10=1.50 avg60=0.00 avg300=0.00 total={microseconds}\nfull avg10=0.00 total=5\n"


def test_the_wait_for_a_processor_is_that_of_the_unit(root: Path) -> None:
    write(root, "proc/pressure/cpu", pressure(9_000_000))
    assert sysfs.cpu_wait(root)() == 9.0
    write(root, f"{UNIT}/cpu.pressure", pressure(1_500_000))
    waited = sysfs.cpu_wait(root)
    assert waited() == 1.5
    write(root, f"{UNIT}/cpu.pressure", pressure(1_750_000))
    assert waited() == 1.75


def test_a_kernel_that_does_not_count_it_tells_no_wait_for_a_processor(root: Path) -> None:
    assert sysfs.cpu_wait(root)() is None
