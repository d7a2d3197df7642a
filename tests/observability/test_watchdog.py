"""What watches the event loop, and when systemd is told that all is well."""

import asyncio

import pytest

from appliance.observability import watchdog


class Told:
    """Signs of life, as they come."""

    def __init__(self) -> None:
        self.signs = 0

    def __call__(self) -> None:
        self.signs += 1

    async def reaches(self, signs: int) -> None:
        async with asyncio.timeout(10):
            while self.signs < signs:  # noqa: ASYNC110  counted by a plain callback
                await asyncio.sleep(0)


async def test_a_sign_comes_every_period_while_all_is_well() -> None:
    told = Told()
    feeding = asyncio.create_task(watchdog.feed_watchdog(told, lambda: "", 0.001))
    await told.reaches(3)
    feeding.cancel()


async def test_none_comes_once_something_stands_still(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    asked = 0

    def dead() -> str:
        nonlocal asked
        asked += 1
        return "" if asked == 1 else "the engine whisper"

    feeding = asyncio.create_task(watchdog.feed_watchdog(told, dead, 0.001))
    async with asyncio.timeout(10):
        while asked < 5:  # noqa: ASYNC110  counted by a plain callback
            await asyncio.sleep(0)
    feeding.cancel()
    assert told.signs == 1
    # Once, not at every look.
    assert [record.getMessage() for record in caplog.records] == [
        "no sign of life any more, so that systemd restarts us: the engine whisper"
    ]


async def test_where_nobody_watches_it_ends() -> None:
    told = Told()
    await watchdog.feed_watchdog(told, lambda: "", None)
    assert told.signs == 0


async def test_a_late_loop_is_told_with_whether_somebody_talks() -> None:
    seen: list[tuple[float, bool]] = []
    watching = asyncio.create_task(
        watchdog.loop_lag(lambda late, talking: seen.append((late, talking)), lambda: True)
    )
    async with asyncio.timeout(10):
        while len(seen) < 2:  # noqa: ASYNC110  counted by a plain callback
            await asyncio.sleep(0)
    watching.cancel()
    assert all(late >= 0 and talking for late, talking in seen)
