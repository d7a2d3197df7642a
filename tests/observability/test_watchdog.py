"""The lag of the event loop is measured; the watchdog is fed only while no part hangs."""

import asyncio

import pytest

from appliance.observability import watchdog


class Feeder:
    """Counts how often the watchdog is fed."""

    def __init__(self) -> None:
        self.fed = 0

    def __call__(self) -> None:
        self.fed += 1

    async def reaches(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.fed < count:  # noqa: ASYNC110  counted by a plain callback
                await asyncio.sleep(0)


async def test_the_watchdog_is_fed_every_period_while_no_part_hangs() -> None:
    feeder = Feeder()
    feeding = asyncio.create_task(watchdog.feed_watchdog(feeder, lambda: "", 0.001))
    await feeder.reaches(3)
    feeding.cancel()


async def test_the_watchdog_is_not_fed_once_a_part_hangs(caplog: pytest.LogCaptureFixture) -> None:
    feeder = Feeder()
    asked = 0

    def hung_part() -> str:
        nonlocal asked
        asked += 1
        return "" if asked == 1 else "the engine whisper"

    feeding = asyncio.create_task(watchdog.feed_watchdog(feeder, hung_part, 0.001))
    async with asyncio.timeout(10):
        while asked < 5:  # noqa: ASYNC110  counted by a plain callback
            await asyncio.sleep(0)
    feeding.cancel()
    assert feeder.fed == 1
    # Logged once, not at every period.
    assert [record.getMessage() for record in caplog.records] == [
        "the engine whisper hangs; the watchdog is no longer fed, so systemd restarts us"
    ]


async def test_feeding_ends_at_once_where_systemd_does_not_watch() -> None:
    feeder = Feeder()
    await watchdog.feed_watchdog(feeder, lambda: "", None)
    assert feeder.fed == 0


async def test_lag_is_reported_with_whether_a_session_was_open() -> None:
    seen: list[tuple[float, bool]] = []
    watching = asyncio.create_task(
        watchdog.loop_lag(lambda late, talking: seen.append((late, talking)), lambda: True)
    )
    async with asyncio.timeout(10):
        while len(seen) < 2:  # noqa: ASYNC110  counted by a plain callback
            await asyncio.sleep(0)
    watching.cancel()
    assert all(late >= 0 and talking for late, talking in seen)


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def hangs_after(clock: Clock, lag: watchdog.LagWatch, at: float, seconds: float) -> bool:
    """Reports one sample at a time of the clock, and returns the verdict."""
    clock.now = at
    lag.sample(seconds, True)
    return lag.hangs


def test_a_loop_that_is_late_each_time_for_a_minute_hangs() -> None:
    reported: list[float] = []
    clock = Clock()
    lag = watchdog.LagWatch(lambda seconds, _in_session: reported.append(seconds), clock)
    verdicts = [hangs_after(clock, lag, float(at), 0.3) for at in range(0, 64, 2)]
    assert verdicts == [False] * 31 + [True]
    assert reported == [0.3] * 32
    assert not hangs_after(clock, lag, 64.0, 0.1)


def test_a_single_stall_is_no_hanging_loop() -> None:
    clock = Clock()
    lag = watchdog.LagWatch(lambda _seconds, _in_session: None, clock)
    assert not hangs_after(clock, lag, 0.0, 100.0)
    assert not hangs_after(clock, lag, 30.0, 0.0)
    assert not hangs_after(clock, lag, 1_000.0, 0.5)
