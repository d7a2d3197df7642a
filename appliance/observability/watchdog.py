"""Watches the event loop: how late it is, and whether everything it stands on is alive."""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 0.005  # while somebody talks; a stall shows at most this much too short
IDLE_SAMPLE_SECONDS = 0.1


async def loop_lag(report: Callable[[float, bool], None], talking: Callable[[], bool]) -> None:
    """Reports, for ever, how late each of many short sleeps ended (seconds, somebody talks).

    Less the time for which this thread waited for a processor: that tells of the machine, which
    may have other work, and not of anything here that stands in the way.
    """
    with waiting() as waited:
        while True:
            in_session = talking()
            pause = SAMPLE_SECONDS if in_session else IDLE_SAMPLE_SECONDS
            begin, before = time.monotonic(), waited()
            await asyncio.sleep(pause)
            late = time.monotonic() - begin - pause - (waited() - before)
            report(max(0.0, late), in_session)


@contextlib.contextmanager
def waiting() -> Iterator[Callable[[], float]]:
    """Tells for how many seconds this thread has been runnable without running; 0 where the
    kernel does not count it."""
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
    feed: Callable[[], None], dead: Callable[[], str], period: float | None
) -> None:
    """Gives a sign of life every `period` seconds, from the loop itself, while nothing is `dead`.

    `dead` names what stands still for good, and is empty while all of it is well. None for the
    period: nobody watches, and this returns at once.
    """
    told = ""
    while period is not None:
        standing = dead()
        if not standing:
            feed()
        elif standing != told:
            log.critical("no sign of life any more, so that systemd restarts us: %s", standing)
        told = standing
        await asyncio.sleep(period)
