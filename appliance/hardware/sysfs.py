"""Reads small files of /proc and /sys below any root, absent and unreadable ones included.

Some files exist and fail when read, as the temperature of a sensor that is switched off; strings
of the device tree end with NUL.
"""

from pathlib import Path


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
