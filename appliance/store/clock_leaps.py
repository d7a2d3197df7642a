"""Tells a clock that leaps from time that passes, so that a wrong clock makes nothing old. Pure.

While the process runs, a steady clock says how much time has passed. While it does not, the
appliance may have been switched off: any time up to MOST_OFF counts as passed.
"""

from dataclasses import dataclass
from typing import Final

TOLERATED: Final = 3600.0  # seconds; a time server corrects that much, and ages are days
MOST_OFF: Final = 45 * 86_400.0  # seconds; a longer absence is taken for a wrong clock


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both clocks at one moment, in seconds; the steady one counts on while the machine sleeps."""

    wall: float
    steady: float


def leap_between(before: ClockReading, after: ClockReading) -> float:
    """By how many seconds the wall clock leapt between two readings of one process, or 0."""
    leap = (after.wall - before.wall) - (after.steady - before.steady)
    return leap if abs(leap) > TOLERATED else 0.0


def leap_while_off(last_seen: float, wall: float) -> float:
    """By how many seconds the wall clock leapt since a former process last read it, or 0."""
    return 0.0 if _may_be_absence(wall - last_seen) else wall - last_seen


def applied(unexplained: float, leap: float, *, while_off: bool) -> tuple[float, float]:
    """Returns by how much rows are shifted for a leap, and what is unexplained from now on.

    `unexplained` is the sum of leaps since one that came while the appliance was off, of which
    some may be an absence. When the clock is back where it would be after an absence, it was one.
    """
    if not unexplained and not while_off:
        return leap, 0.0
    total = unexplained + leap
    if unexplained and _may_be_absence(total):
        return -unexplained, 0.0
    return leap, total


def _may_be_absence(seconds: float) -> bool:
    return -TOLERATED <= seconds <= MOST_OFF
