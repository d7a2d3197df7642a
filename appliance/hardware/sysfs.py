"""Reads small files of /proc and /sys below any root, and the limits of a cgroup.

Absent and unreadable files are ordinary. Some files exist and fail when read, as the temperature
of a sensor that is switched off; strings of the device tree end with NUL.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from appliance.hardware import sysfs


def text(path: Path) -> str:
    """The content of a file without NUL and surrounding space; empty where it cannot be read."""
    try:
        return path.read_bytes().decode(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The content of a file as an integer; None where it is none or cannot be read."""
    try:
        return int(text(path))
    except ValueError:
        return None


def entries(directory: Path, pattern: str = "*") -> list[Path]:
    """The matching entries of a directory, sorted; none where there is no such directory."""
    try:
        return sorted(directory.glob(pattern))
    except OSError:
        return []


def meminfo(root: Path) -> dict[str, int]:
    """The values of /proc/meminfo by name, in bytes."""
    found = {}
    for line in text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        value = rest.split()
        if value and value[0].isdigit():
            found[name.strip()] = int(value[0]) * 1024
    return found


def size(path: Path) -> int:
    """The size of a file in bytes; 0 where it is missing or may not be looked at."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


# Memory in use that the kernel takes back before it kills anything.
_RECLAIMABLE = ("inactive_file", "active_file", "slab_reclaimable")


def groups(root: Path) -> list[Path]:
    """The directories of the groups of this process, its own first, up to the topmost.

    In a container only the topmost is visible, and it holds the container's limits.
    """
    top = root / "sys/fs/cgroup"
    lines = sysfs.text(root / "proc/self/cgroup").splitlines()
    own = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
    path = PurePosixPath(own.lstrip("/"))
    below = [] if ".." in path.parts else [top / each for each in (path, *path.parents)]
    return list(dict.fromkeys([*below, top]))


def memory(root: Path) -> Iterator[tuple[int, int]]:
    """The memory limit of each group that has one, and what is left of it, in bytes."""
    for group in groups(root):
        limits = (sysfs.number(group / name) for name in ("memory.max", "memory.high"))
        limit = min((number for number in limits if number is not None), default=None)
        if limit is not None:
            used = (sysfs.number(group / "memory.current") or 0) - _reclaimable(group)
            yield limit, max(0, limit - max(0, used))


def _reclaimable(group: Path) -> int:
    lines = (line.split() for line in sysfs.text(group / "memory.stat").splitlines())
    known = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
    return sum(known.get(name, 0) for name in _RECLAIMABLE)


def cores(root: Path) -> int | None:
    """The smallest CPU quota in cores, rounded up; None without a quota."""
    quotas = []
    for group in groups(root):
        quota, _, period = sysfs.text(group / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(max(1, math.ceil(int(quota) / int(period))))
    return min(quotas, default=None)


def stalled(root: Path) -> float:
    """The share of the last ten seconds in which all work waited for memory (PSI, "full").

    The larger one of this process's group and of the whole machine; 0 where it is unknown.
    """
    places = [root / "proc/pressure/memory"]
    places += [group / "memory.pressure" for group in groups(root)[:1]]
    return max(map(_full_share, places))


def _full_share(place: Path) -> float:
    for line in sysfs.text(place).splitlines():
        kind, _, rest = line.partition(" ")
        fields = dict(part.partition("=")[::2] for part in rest.split())
        if kind == "full":
            try:
                return float(fields.get("avg10", "0")) / 100
            except ValueError:
                return 0.0
    return 0.0


def cpu_wait(root: Path) -> Callable[[], float | None]:
    """Returns a function that reads the seconds for which some task has waited for a processor.

    Of this process's group where the kernel tells it, else of the whole machine (PSI, "some"); the
    function returns None where it tells neither. It takes some ten microseconds.
    """
    places = [*(group / "cpu.pressure" for group in groups(root)[:1]), root / "proc/pressure/cpu"]
    known = next((place for place in places if _total_seconds(place) is not None), None)
    return (lambda: None) if known is None else (lambda: _total_seconds(known))


def _total_seconds(place: Path) -> float | None:
    first, _, _ = sysfs.text(place).partition("\n")
    total = first.rpartition("total=")[2]
    return int(total) / 1e6 if first.startswith("some") and total.isdigit() else None
