"""Whether engines have to give memory back, or may have it again. Pure: readings in, steps out."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from appliance.hardware.model_profiles import MB

READINGS: Final = 3
"""Tight readings in a row before a step: a short peak of another program is none."""
CRITICAL_SECONDS: Final = 10.0
"""How long a critical want of memory waits for the end of a turn."""
AMPLE_SECONDS: Final = 180.0
"""How long there must be room before a step back up: a load takes seconds and cores."""
_TOO_SOON: Final = 600.0
"""A step down within so many seconds after one up doubles the wait before the next."""
_LONGEST_WAIT: Final = 3600.0
# Shares of the last ten seconds in which everything stood still for memory (PSI, full).
_STALLED_TIGHT, _STALLED_CRITICAL = 0.1, 0.4


class Level(StrEnum):
    OK = "ok"
    TIGHT = "tight"
    CRITICAL = "critical"


class Step(StrEnum):
    STAY = "stay"
    DOWN = "down"
    """Between turns."""
    DOWN_NOW = "down now"
    UP = "up"
    """Between turns."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Bytes available below which memory is tight or critical, and above which it is ample."""

    tight: int
    critical: int
    ample: int


@dataclass(frozen=True, slots=True)
class Reading:
    """`available` in bytes, limits counted; `stalled` see hardware.limits."""

    available: int
    stalled: float = 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What has to be remembered from one reading to the next. Times are in seconds."""

    level: Level = Level.OK
    low: int = 0
    critical_since: float | None = None
    ample_since: float | None = None
    stepped_up: float = float("-inf")
    patience: float = AMPLE_SECONDS

    def after(self, step: Step, now: float) -> "Watch":
        """A step was taken: what was read before it counts no longer."""
        fresh = Watch(self.level, stepped_up=self.stepped_up, patience=self.patience)
        if step is Step.UP:
            return replace(fresh, stepped_up=now)
        if self.stepped_up == float("-inf"):
            # One more step down in the same want of memory says nothing about the way up.
            return fresh
        hasty = now - self.stepped_up < _TOO_SOON
        patience = min(_LONGEST_WAIT, 2 * self.patience) if hasty else AMPLE_SECONDS
        return replace(fresh, stepped_up=float("-inf"), patience=patience)


def board_marks(reserve: int) -> Marks:
    """For the machine's memory: half and a quarter of what the plan keeps back."""
    return Marks(tight=reserve // 2, critical=reserve // 4, ample=reserve)


def card_marks(total: int) -> Marks:
    """For a card's own memory; what is left there serves displays and work space that grows."""
    ample = max(total // 16, 500 * MB)
    return Marks(tight=ample // 2, critical=ample // 4, ample=ample)


def level(reading: Reading, marks: Marks) -> Level:
    """Stalls count only where memory is short as well: disks that swap for others stall too."""
    stalled = reading.stalled if reading.available < marks.ample else 0.0
    if reading.available < marks.critical or stalled >= _STALLED_CRITICAL:
        return Level.CRITICAL
    if reading.available < marks.tight or stalled >= _STALLED_TIGHT:
        return Level.TIGHT
    return Level.OK


def judge(
    before: Watch, reading: Reading, marks: Marks, regained: int | None, now: float
) -> tuple[Watch, Step]:
    """What to do after this reading; `regained`: the bytes a step up would take, None: no such.

    Who takes the step says so with `Watch.after`; who does not is told again.
    """
    found = level(reading, marks)
    room = found is Level.OK and regained is not None
    room = room and reading.available - (regained or 0) >= marks.ample
    critical = found is Level.CRITICAL
    watch = replace(
        before,
        level=found,
        low=0 if found is Level.OK else before.low + 1,
        critical_since=_since(before.critical_since, critical, now),
        ample_since=_since(before.ample_since, room, now),
    )
    if watch.critical_since is not None and now - watch.critical_since >= CRITICAL_SECONDS:
        return watch, Step.DOWN_NOW
    if critical or watch.low >= READINGS:
        return watch, Step.DOWN
    if watch.ample_since is not None and now - watch.ample_since >= watch.patience:
        return watch, Step.UP
    return watch, Step.STAY


def _since(before: float | None, holds: bool, now: float) -> float | None:
    if not holds:
        return None
    return now if before is None else before
