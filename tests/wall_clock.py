"""Sets the wall clock of a process that a test starts.

A library stands between the process and that clock; the clocks that nobody sets stay as they are,
as when a time server corrects a board without a battery.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("wall_clock.c")


@dataclass(frozen=True)
class WallClock:
    """A clock that is ahead of the true one by a number of seconds, which a file has."""

    library: Path
    file: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process sees this clock."""
        return {"LD_PRELOAD": str(self.library), "WALL_CLOCK": str(self.file)}

    def set(self, ahead: int) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(ahead))
        new.replace(self.file)


def build_library(directory: Path) -> Path:
    """Compiles the library, which every WallClock of a test shares."""
    built = directory / "wall_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, SOURCE], check=True, timeout=60)
    return built
