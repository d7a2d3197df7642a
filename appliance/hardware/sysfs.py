"""Reading the small files of /proc and /sys below any root, absent and unreadable ones included.

Some of them exist and fail when read (the temperature of a sensor that is switched off), and
device-tree strings end with NUL.
"""

from pathlib import Path


def text(path: Path) -> str:
    """The content without NUL and surrounding space; empty where it cannot be read."""
    try:
        return path.read_bytes().decode(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The content as a whole number; None where it cannot be read or is none."""
    try:
        return int(text(path))
    except ValueError:
        return None


def entries(directory: Path, pattern: str = "*") -> list[Path]:
    """What matches in a directory, sorted; nothing where there is no such directory."""
    try:
        return sorted(directory.glob(pattern))
    except OSError:
        return []


def meminfo(root: Path) -> dict[str, int]:
    """/proc/meminfo in bytes by name."""
    found = {}
    for line in text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        value = rest.split()
        if value and value[0].isdigit():
            found[name.strip()] = int(value[0]) * 1024
    return found


def size(path: Path) -> int:
    """The bytes of a file; 0 where there is none, or none that may be looked at."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
