"""The deadline of an answer."""

import asyncio

from appliance.voice.realtime.connection import Deadline


async def test_a_deadline_expires_and_stays_pending_until_it_is_cancelled() -> None:
    expired = asyncio.Event()
    deadline = Deadline(0.0, expired.set)
    states = [deadline.pending]
    deadline.start()
    async with asyncio.timeout(5):
        await expired.wait()
    states.append(deadline.pending)
    deadline.cancel()
    states.append(deadline.pending)
    assert states == [False, True, False]


async def test_a_deadline_that_is_cancelled_or_started_again_does_not_expire() -> None:
    expired: list[str] = []
    cancelled = Deadline(0.0, lambda: expired.append("cancelled"))
    cancelled.start()
    cancelled.cancel()
    done = asyncio.Event()
    restarted = Deadline(0.0, lambda: expired.append("restarted"))
    restarted.start()
    restarted.start()
    Deadline(0.0, done.set).start()
    async with asyncio.timeout(5):
        await done.wait()
    assert expired == ["restarted"]
