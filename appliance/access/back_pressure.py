"""Back-pressure: a sender beyond its rate is read more slowly, and given up in the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from appliance.access.rate_limit import TokenBucket

# A reader that finds its next frame ready each time would keep the event loop for itself.
UNITS_A_TURN = 50.0


class Flooded(Exception):
    """The sender was made to wait for as long as anybody should be, and still sends."""


class BackPressure:
    """What one sender may send: `burst` units at once, and `rate` units a second from then on.

    `spend` is awaited for each thing that was read, before the next is read: while it waits, the
    rest stays at the sender. A sender that goes on for `patience` seconds, without a pause in which
    half of the burst comes back, is given up.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        patience: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._bucket = TokenBucket(burst, rate)
        self._recovered = burst / 2
        self._patience = patience
        self._now = now
        self._sleep = sleep
        self._behind_since: float | None = None
        self._in_this_turn = 0.0

    async def spend(self, units: float) -> float:
        """Waits as long as `units` take; the seconds waited, or 0. Raises Flooded.

        Other tasks of the event loop get their turn in any case, after a few units.
        """
        now = self._now()
        # Not by the waits alone: a sleep is a little too long, and then nothing is owed any more.
        if not self._bucket.wait(self._recovered, now):
            self._behind_since = None
        wait = self._bucket.borrow(units, now)
        if not wait:
            await self._give_way(units)
            return 0.0
        self._behind_since = now if self._behind_since is None else self._behind_since
        if now + wait - self._behind_since > self._patience:
            raise Flooded
        self._in_this_turn = 0.0
        await self._sleep(wait)
        return wait

    async def _give_way(self, units: float) -> None:
        self._in_this_turn += units
        if self._in_this_turn >= UNITS_A_TURN:
            self._in_this_turn = 0.0
            await self._sleep(0)
