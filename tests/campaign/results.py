"""What a row came to, kept as JSON beside the table, so that rows can be run one by one."""

import fcntl
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LOST_SHOWN = 5


@dataclass(frozen=True)
class Result:
    """The figures of one row. `obstacle` is why it could not be run; then nothing is counted."""

    row: str
    n: int
    lost: int
    losses: tuple[str, ...]  # the first few
    notes: tuple[str, ...]
    seconds: float
    date: str
    commit: str
    machine: str
    obstacle: str = ""

    @property
    def bound(self) -> float | None:
        """The failure rate that is excluded with 95 % confidence; None where one was seen."""
        return 3 / self.n if self.n and not self.lost else None


def result(
    row: str,
    n: int = 0,
    lost: list[str] | None = None,
    notes: list[str] | None = None,
    seconds: float = 0.0,
    obstacle: str = "",
) -> Result:
    """Returns a result of here and now."""
    losses = lost or []
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return Result(
        *(row, n, len(losses), tuple(losses[:LOST_SHOWN]), tuple(notes or ()), round(seconds, 1)),
        *(today, _commit(), _machine(), obstacle),
    )


def parse(value: dict[str, Any]) -> Result:
    """Returns a result from its JSON value."""
    lists = {"losses": tuple(value["losses"]), "notes": tuple(value["notes"])}
    return Result(**{**value, **lists})


def load(file: Path) -> dict[str, Result]:
    """Returns the results in a file by row; none where there is no file."""
    if not file.exists():
        return {}
    known = [parse(one) for one in json.loads(file.read_text(encoding="utf-8"))]
    return {one.row: one for one in known}


def save(file: Path, new: Result) -> dict[str, Result]:
    """Puts a result in its place in the file, and returns all; other campaigns may run beside."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = {**load(file), new.row: new}
        text = json.dumps([asdict(one) for _, one in sorted(results.items())], indent=1)
        file.write_text(text + "\n", encoding="utf-8")
    return results


def _commit() -> str:
    """The commit, and whether anything but the results themselves differs from it."""
    git = ["git", "-C", str(ROOT)]
    try:
        found = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            [*git, "diff", "--quiet", "HEAD", "--", ".", ":!docs"], check=False
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip() + ("-dirty" if changed.returncode else "")


def _machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    cores = os.cpu_count()
    return (
        f"{platform.machine()}, {cores} processors, {memory:.0f} GB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )
