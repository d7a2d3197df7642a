"""Watches memory while the appliance runs, and has engines give way before the kernel kills one.

Between turns, one step at a time, the largest engine first; back up when there has been room for
minutes. What it does is in the log, on every page (another engine answers), in /health and in the
metrics.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from appliance.concurrency import run_in_daemon_thread
from appliance.hardware.memory_pressure import Level, Marks, Reading, Step, Watch, judge

log = logging.getLogger(__name__)

INTERVAL: Final = 2.0

Readings = Mapping[bool, tuple[Reading, Marks]]
"""By place: False the memory of the machine, True a card's own. See hardware.headroom."""


class SteppableEngines(Protocol):
    """The ladders, as far as memory is concerned."""

    @property
    def settling(self) -> bool: ...

    def step_down(self, *, on_card: bool = False) -> str: ...

    def step_up(self, *, on_card: bool = False) -> None: ...

    def regained_by_step_up(self, *, on_card: bool = False) -> int | None: ...


@dataclass(frozen=True, slots=True)
class GovernorMetrics:
    """Who is told: the bytes available and the level at every reading, and each step."""

    memory: Callable[[int, Level], None]
    step: Callable[[str], None]


class MemoryGovernor:
    """`engines` gives None until there are any; `idle`: nobody is in the middle of a turn."""

    def __init__(
        self,
        read: Callable[[], Readings],
        engines: Callable[[], SteppableEngines | None],
        idle: Callable[[], bool],
        told: GovernorMetrics,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._engines = engines
        self._idle = idle
        self._told = told
        self._now = now
        self._watches = {False: Watch(), True: Watch()}
        self._available = 0
        self._action = ""

    async def run(self) -> None:
        """Reads and acts until it is cancelled."""
        while True:
            self.observe(await run_in_daemon_thread(self._read))
            await asyncio.sleep(INTERVAL)

    def state(self) -> dict[str, Any]:
        """For /health: bytes available, the level, and the last thing that was done."""
        levels = [watch.level for watch in self._watches.values()]
        worst = max(levels, key=list(Level).index)
        return {"available": self._available, "state": worst.value, "action": self._action}

    def observe(self, readings: Readings) -> None:
        """One round: judges what was read and takes a step where it is time for one."""
        if False in readings:
            self._available = readings[False][0].available
        for on_card, (reading, marks) in readings.items():
            self._govern(on_card, reading, marks)
        self._told.memory(self._available, self._watches[False].level)

    def _govern(self, on_card: bool, reading: Reading, marks: Marks) -> None:
        engines = self._engines()
        regained = engines.regained_by_step_up(on_card=on_card) if engines else None
        before, now = self._watches[on_card], self._now()
        watch, step = judge(before, reading, marks, regained, now)
        if watch.level is not before.level:
            _say(on_card, reading, watch.level)
        self._watches[on_card] = watch
        # What is being closed or loaded has not yet shown what it does to memory.
        if engines is None or engines.settling or step is Step.STAY:
            return
        if step is not Step.DOWN_NOW and not self._idle():
            return
        if self._take(engines, step, on_card):
            self._watches[on_card] = watch.after(step, now)

    def _take(self, engines: SteppableEngines, step: Step, on_card: bool) -> bool:
        if step is Step.UP:
            engines.step_up(on_card=on_card)
            told = "memory is ample again: the engine before comes back"
        else:
            told = engines.step_down(on_card=on_card)
            if not told:
                return False
            told = f"memory is short: {told}"
        log.warning("%s", told)
        self._action = told
        self._told.step("up" if step is Step.UP else "down")
        return True


def _say(on_card: bool, reading: Reading, level: Level) -> None:
    place = "the graphics card" if on_card else "the machine"
    log.log(
        logging.INFO if level is Level.OK else logging.WARNING,
        "memory of %s: %s, %d MB available",
        place,
        level.value,
        reading.available // 1_000_000,
    )
