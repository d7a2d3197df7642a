"""Stall clock: how long work has made no progress, by what it got of the processors. Pure.

A wall clock cannot tell an engine that hangs from one that has to share the processors with others,
and a busy machine must not cost it its engines.
"""

import math
from typing import Final

from appliance.hardware.processor_time import ProcessorTime

COMPUTING_WEIGHT: Final = 0.25
"""What a second of computing counts: an engine that loops for ever is found out in the end, and
four times the time that it may stall is far more than any work takes."""


class StallClock:
    """Counts the seconds since the latest progress, each by what the engine did in it.

    A second in which it neither computed nor waited for a processor counts in full, one in which
    it computed COMPUTING_WEIGHT, and one in which it was ready but had no processor nothing.
    """

    def __init__(self) -> None:
        self._progress_at = -math.inf
        self._read_at = -math.inf
        self._total = ProcessorTime()
        self._stalled = 0.0

    def read(self, now: float, progress_at: float, total: ProcessorTime | None) -> float:
        """The seconds counted since `progress_at`.

        `total` is what all threads of the engine got since they began; without it, every second
        counts in full. What they got since the reading before is taken as got since the latest
        progress where that is later, so the first interval is judged leniently.
        """
        if progress_at != self._progress_at:
            self._stalled = 0.0
        interval = max(0.0, now - max(progress_at, self._read_at))
        self._stalled += self._counted(interval, total)
        self._progress_at = progress_at
        self._read_at = max(now, self._read_at)
        self._total = total or self._total
        return self._stalled

    def _counted(self, interval: float, total: ProcessorTime | None) -> float:
        if total is None:
            return interval
        computing = max(0.0, total.computing - self._total.computing)
        waiting = max(0.0, total.waiting - self._total.waiting)
        active = min(interval, computing + waiting)
        # Several threads get more seconds than pass: the interval is shared out between both.
        share = computing / (computing + waiting) if active else 0.0
        return interval - active + COMPUTING_WEIGHT * active * share
