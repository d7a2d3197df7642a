"""Watches the event loop: how late it is, and whether everything it stands on is alive."""

import asyncio
import time
from collections.abc import Callable

SAMPLE_SECONDS = 0.005  # while somebody talks; a stall shows at most this much too short
IDLE_SAMPLE_SECONDS = 0.1


async def loop_lag(report: Callable[[float, bool], None], talking: Callable[[], bool]) -> None:
    """Reports, for ever, how late each of many short sleeps ended (seconds, somebody talks)."""
    while True:
        in_session = talking()
        pause = SAMPLE_SECONDS if in_session else IDLE_SAMPLE_SECONDS
        begin = time.monotonic()
        await asyncio.sleep(pause)
        report(max(0.0, time.monotonic() - begin - pause), in_session)


async def feed_watchdog(
    feed: Callable[[], None], alive: Callable[[], bool], period: float | None
) -> None:
    """Gives a sign of life every `period` seconds while there is one to give.

    None: nobody watches, and this returns at once.
    """
    while period is not None:
        if alive():
            feed()
        await asyncio.sleep(period)
