"""Memory pressure: reads the pools of memory and decides when engines give some back or take it.

`read_pools` and `has_room` read files and NVML; everything else is pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from appliance.hardware import nvml, sysfs
from appliance.hardware.detect import memory
from appliance.hardware.model_profiles import MB
from appliance.hardware.nvml import Card
from appliance.hardware.plan import reserve_of

Cards = Callable[[], Sequence[Card]]

TIGHT_READINGS: Final = 3
"""Tight readings in a row before a step down: another program's short peak does not count."""
CRITICAL_SECONDS: Final = 10.0
"""How long a critical lack of memory waits for a turn to end."""
AMPLE_SECONDS: Final = 180.0
"""How long memory must be ample before a step up: loading an engine costs seconds and cores."""
_TOO_SOON_SECONDS: Final = 600.0
"""A step down this soon after a step up doubles the wait before the next step up."""
_LONGEST_WAIT: Final = 3600.0
_STALLED_TIGHT, _STALLED_CRITICAL = 0.1, 0.4
"""Shares of the last ten seconds in which all work stood still for memory (PSI, "full")."""


class MemoryPool(StrEnum):
    """Memory that runs short by itself: the machine's, or a graphics card's own.

    A GPU that shares the board's memory, as every Jetson's does, takes from HOST.
    """

    HOST = "host"
    GPU = "gpu"


class PressureLevel(StrEnum):
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
class Thresholds:
    """Available bytes below which memory is tight or critical, and from which it is ample."""

    tight: int
    critical: int
    ample: int


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """One look at a pool.

    `available` is in bytes, limits of containers and units included; `stalled` is the share of
    the last ten seconds in which all work waited for memory (see `cgroups.stalled`).
    """

    available: int
    stalled: float = 0.0


PoolReadings = Mapping[MemoryPool, tuple[MemoryReading, Thresholds]]
"""Each pool that can be read, with its thresholds. Nothing is done about the others."""


@dataclass(frozen=True, slots=True)
class PressureState:
    """What is carried from one reading of a pool to the next. Times are in seconds."""

    level: PressureLevel = PressureLevel.OK
    low_readings: int = 0
    critical_since: float | None = None
    ample_since: float | None = None
    stepped_up_at: float = float("-inf")
    step_up_after: float = AMPLE_SECONDS

    def after(self, step: Step, now: float) -> "PressureState":
        """The state after a step was taken: the readings before it no longer count."""
        fresh = PressureState(
            self.level, stepped_up_at=self.stepped_up_at, step_up_after=self.step_up_after
        )
        if step is Step.UP:
            return replace(fresh, stepped_up_at=now)
        if self.stepped_up_at == float("-inf"):
            # A second step down in the same shortage says nothing about the last step up.
            return fresh
        too_soon = now - self.stepped_up_at < _TOO_SOON_SECONDS
        wait = min(_LONGEST_WAIT, 2 * self.step_up_after) if too_soon else AMPLE_SECONDS
        return replace(fresh, stepped_up_at=float("-inf"), step_up_after=wait)


def host_thresholds(reserve: int) -> Thresholds:
    """Thresholds of the machine's memory: half and a quarter of the plan's reserve."""
    return Thresholds(tight=reserve // 2, critical=reserve // 4, ample=reserve)


def gpu_thresholds(total: int) -> Thresholds:
    """Thresholds of a card's own memory, whose rest serves displays and growing work space."""
    ample = max(total // 16, 500 * MB)
    return Thresholds(tight=ample // 2, critical=ample // 4, ample=ample)


def pressure_level(reading: MemoryReading, thresholds: Thresholds) -> PressureLevel:
    """The level of one reading.

    Stalls count only where memory is less than ample: disks that swap for others stall too.
    """
    stalled = reading.stalled if reading.available < thresholds.ample else 0.0
    if reading.available < thresholds.critical or stalled >= _STALLED_CRITICAL:
        return PressureLevel.CRITICAL
    if reading.available < thresholds.tight or stalled >= _STALLED_TIGHT:
        return PressureLevel.TIGHT
    return PressureLevel.OK


def next_step(
    before: PressureState,
    reading: MemoryReading,
    thresholds: Thresholds,
    step_up_bytes: int | None,
    now: float,
) -> tuple[PressureState, Step]:
    """The state after a reading, and the step that it calls for.

    `step_up_bytes` is what a step up would take; None where there is none to take. A caller that
    takes the step passes it to `PressureState.after`; one that does not is given it again.
    """
    level = pressure_level(reading, thresholds)
    ample = level is PressureLevel.OK and step_up_bytes is not None
    ample = ample and reading.available - (step_up_bytes or 0) >= thresholds.ample
    critical = level is PressureLevel.CRITICAL
    state = replace(
        before,
        level=level,
        low_readings=0 if level is PressureLevel.OK else before.low_readings + 1,
        critical_since=_since(before.critical_since, critical, now),
        ample_since=_since(before.ample_since, ample, now),
    )
    if state.critical_since is not None and now - state.critical_since >= CRITICAL_SECONDS:
        return state, Step.DOWN_NOW
    if critical or state.low_readings >= TIGHT_READINGS:
        return state, Step.DOWN
    if state.ample_since is not None and now - state.ample_since >= state.step_up_after:
        return state, Step.UP
    return state, Step.STAY


def _since(before: float | None, holds: bool, now: float) -> float | None:
    if not holds:
        return None
    return now if before is None else before


def read_pools(root: Path = Path("/"), cards: Cards = nvml.cards) -> PoolReadings:
    """The pools of the machine below `root`; of several cards, the one with the least left."""
    found: dict[MemoryPool, tuple[MemoryReading, Thresholds]] = {}
    total, available = memory(root)
    if total:
        reading = MemoryReading(available, sysfs.stalled(root))
        found[MemoryPool.HOST] = (reading, host_thresholds(reserve_of(total)))
    card = _tightest(cards)
    if card:
        found[MemoryPool.GPU] = (MemoryReading(card[1]), gpu_thresholds(card[0]))
    return found


def has_room(
    size: int, pool: MemoryPool, root: Path = Path("/"), cards: Cards = nvml.cards
) -> bool:
    """Whether `size` bytes can be taken and memory stays ample; True for an unreadable pool."""
    found = read_pools(root, cards if pool is MemoryPool.GPU else tuple).get(pool)
    if found is None:
        return True
    reading, thresholds = found
    return reading.available - size >= thresholds.ample


def _tightest(cards: Cards) -> tuple[int, int] | None:
    """Total and free bytes of the card with the least free, of those that report both."""
    known = [
        (card.memory_total, card.memory_free)
        for card in cards()
        if card.memory_total and card.memory_free is not None
    ]
    return min(known, key=lambda sizes: sizes[1], default=None)


class MemorySteps:
    """The steps that a ladder took down for lack of memory, and the best slot they allow.

    `memory` is what each slot takes, in bytes; the last slot is always allowed.
    """

    def __init__(self, memory: Sequence[int]) -> None:
        self._memory = memory
        self._left: list[int] = []
        self.best_allowed = 0

    @property
    def latest(self) -> int | None:
        """The slot that the latest step left."""
        return self._left[-1] if self._left else None

    @property
    def latest_memory(self) -> int | None:
        """The bytes that the engine of that slot takes."""
        return self._memory[self._left[-1]] if self._left else None

    def down_from(self, index: int) -> None:
        self._left.append(index)
        self.allow_below(index)

    def up(self) -> None:
        """Takes back the latest step, and no more: the ladder stays below the step before it."""
        self._left.pop()
        self.best_allowed = 0
        if self._left:
            self.allow_below(self._left[-1])

    def allow_below(self, index: int) -> None:
        """Allows only slots from the next one on that takes less memory than `index`."""
        last = len(self._memory) - 1
        lower = range(index + 1, last)
        self.best_allowed = next((i for i in lower if self._memory[i] < self._memory[index]), last)
