"""Measures the lag of the event loop, and feeds systemd's watchdog while no part hangs."""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

LATE_SECONDS = 0.25  # nobody is answered in time by a loop that is so late each time
HUNG_SECONDS = 60.0
SAMPLE_SECONDS = 0.005  # while a session is open; a stall may be measured this much too short
IDLE_SAMPLE_SECONDS = 0.1


class LagWatch:
    """Passes each lag on to `report`, and tells when the loop has been late for too long.

    One sleep that ends in time is enough to begin anew: a single stall, however long, is none.
    """

    def __init__(
        self, report: Callable[[float, bool], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._now = now
        self._late_since: float | None = None

    def sample(self, seconds: float, in_session: bool) -> None:
        self._report(seconds, in_session)
        if seconds < LATE_SECONDS:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = self._now()

    @property
    def hangs(self) -> bool:
        """Whether every sleep of the last minute ended late."""
        return self._late_since is not None and self._now() - self._late_since > HUNG_SECONDS


async def loop_lag(report: Callable[[float, bool], None], in_session: Callable[[], bool]) -> None:
    """Measures how late short sleeps end, and reports it with whether a session was open.

    The lag is in seconds, without the time for which this thread waited for a processor: that is
    the fault of other programs, not of anything that blocks this loop. Runs until cancelled.
    """
    with run_queue_wait() as waited:
        while True:
            is_open = in_session()
            pause = SAMPLE_SECONDS if is_open else IDLE_SAMPLE_SECONDS
            begin, before = time.monotonic(), waited()
            await asyncio.sleep(pause)
            late = time.monotonic() - begin - pause - (waited() - before)
            report(max(0.0, late), is_open)


@contextlib.contextmanager
def run_queue_wait() -> Iterator[Callable[[], float]]:
    """Yields a function that returns the seconds for which this thread has waited for a processor.

    It returns 0 where the kernel does not count them.
    """
    try:
        path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        file = os.open(path, os.O_RDONLY)
    except OSError:
        yield lambda: 0.0
        return
    try:
        yield lambda: int(os.pread(file, 64, 0).split()[1]) / 1e9
    finally:
        os.close(file)


async def feed_watchdog(
    feed: Callable[[], None], hung_part: Callable[[], str], period: float | None
) -> None:
    """Feeds the watchdog every `period` seconds, from the event loop, while no part hangs.

    `hung_part` returns the name of a part that hangs for good, else an empty string. Returns at
    once where `period` is None: systemd does not watch this process.
    """
    logged = ""
    while period is not None:
        hung = hung_part()
        if not hung:
            feed()
        elif hung != logged:
            log.critical("%s hangs; the watchdog is no longer fed, so systemd restarts us", hung)
        logged = hung
        await asyncio.sleep(period)
