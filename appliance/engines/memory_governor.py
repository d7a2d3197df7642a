"""Memory governor: has engines give way to memory pressure before the kernel kills the process.

It steps between turns, one step at a time, the largest engine first; and up again once memory has
been ample for minutes. Its steps show in the log, on every page (another engine answers), in
/health and in the metrics.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from appliance.concurrency import run_in_daemon_thread
from appliance.hardware.memory_pressure import (
    MemoryPool,
    MemoryReading,
    PoolReadings,
    PressureLevel,
    PressureState,
    Step,
    Thresholds,
    next_step,
)

log = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 2.0
_POOL_NAMES: Final = {MemoryPool.HOST: "the machine", MemoryPool.GPU: "the graphics card"}


class SteppableEngines(Protocol):
    """What the governor needs of EngineSupervisor."""

    @property
    def settling(self) -> bool: ...

    def step_down(self, pool: MemoryPool) -> str: ...

    def step_up(self, pool: MemoryPool) -> None: ...

    def step_up_bytes(self, pool: MemoryPool) -> int | None: ...


@dataclass(frozen=True, slots=True)
class GovernorMetrics:
    """Callbacks: available bytes and level at every reading; "up" or "down" at every step."""

    memory: Callable[[int, PressureLevel], None]
    step: Callable[[str], None]


class MemoryGovernor:
    """`engines` returns None until there are any; `idle` tells whether nobody is in a turn."""

    def __init__(
        self,
        read: Callable[[], PoolReadings],
        engines: Callable[[], SteppableEngines | None],
        idle: Callable[[], bool],
        metrics: GovernorMetrics,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._engines = engines
        self._idle = idle
        self._metrics = metrics
        self._now = now
        self._states = {pool: PressureState() for pool in MemoryPool}
        self._available = 0
        self._action = ""

    async def run(self) -> None:
        """Reads memory and acts on it until cancelled."""
        while True:
            self.observe(await run_in_daemon_thread(self._read))
            await asyncio.sleep(INTERVAL_SECONDS)

    def state(self) -> dict[str, Any]:
        """For /health: available bytes, the worst level of all pools, and the latest step."""
        levels = [state.level for state in self._states.values()]
        worst = max(levels, key=list(PressureLevel).index)
        return {"available": self._available, "state": worst.value, "action": self._action}

    def observe(self, readings: PoolReadings) -> None:
        """Judges one round of readings, and takes a step in each pool where one is due."""
        if MemoryPool.HOST in readings:
            self._available = readings[MemoryPool.HOST][0].available
        for pool, (reading, thresholds) in readings.items():
            self._govern(pool, reading, thresholds)
        self._metrics.memory(self._available, self._states[MemoryPool.HOST].level)

    def _govern(self, pool: MemoryPool, reading: MemoryReading, thresholds: Thresholds) -> None:
        engines = self._engines()
        step_up_bytes = engines.step_up_bytes(pool) if engines else None
        before, now = self._states[pool], self._now()
        state, step = next_step(before, reading, thresholds, step_up_bytes, now)
        if state.level is not before.level:
            _log_level(pool, reading, state.level)
        self._states[pool] = state
        # While engines are closed or loaded, their effect on memory does not show yet.
        if engines is None or engines.settling or step is Step.STAY:
            return
        if step is not Step.DOWN_NOW and not self._idle():
            return
        if self._take(engines, step, pool):
            self._states[pool] = state.after(step, now)

    def _take(self, engines: SteppableEngines, step: Step, pool: MemoryPool) -> bool:
        if step is Step.UP:
            engines.step_up(pool)
            action = "memory is ample again: the engine before comes back"
        else:
            gave_way = engines.step_down(pool)
            if not gave_way:
                return False
            action = f"memory is short: {gave_way}"
        log.warning("%s", action)
        self._action = action
        self._metrics.step("up" if step is Step.UP else "down")
        return True


def _log_level(pool: MemoryPool, reading: MemoryReading, level: PressureLevel) -> None:
    log.log(
        logging.INFO if level is PressureLevel.OK else logging.WARNING,
        "memory of %s: %s, %d MB available",
        _POOL_NAMES[pool],
        level.value,
        reading.available // 1_000_000,
    )
