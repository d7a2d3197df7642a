import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable

import pytest

from appliance.errors import ToolError
from appliance.timers.scheduler import MOST, TimerScheduler
from appliance.timers.timer import Timer, announcement


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class MemoryStore:
    """A TimerStore in memory."""

    def __init__(self) -> None:
        self.timers: dict[str, Timer] = {}

    def add(self, timer: Timer) -> None:
        self.timers[timer.id] = timer

    def remove(self, timer_id: str) -> None:
        self.timers.pop(timer_id, None)

    def all(self) -> Iterable[Timer]:
        return list(self.timers.values())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_timers_ring_when_due_and_in_order(clock: Clock) -> None:
    rung: list[Timer] = []
    timers = TimerScheduler(clock, rung.append)
    late, soon = timers.start(20, "Tea "), timers.start(10)
    assert timers.snapshot() == (soon, late)
    assert timers.ring_due() == 10
    assert rung == []
    clock.now += 10
    assert timers.ring_due() == 10
    assert rung == [soon]
    clock.now += 50
    assert timers.ring_due() is None
    assert rung == [soon, late]
    assert timers.snapshot() == ()


def test_a_cancelled_timer_does_not_ring(clock: Clock) -> None:
    rung: list[Timer] = []
    timers = TimerScheduler(clock, rung.append)
    timer = timers.start(10)
    timers.cancel(timer)
    timers.cancel(timer)
    clock.now += 60
    assert timers.ring_due() is None
    assert rung == []


def test_timers_are_found_by_name_and_length(clock: Clock) -> None:
    timers = TimerScheduler(clock, print)
    tea, egg = timers.start(300, "Tea"), timers.start(180, "egg")
    assert timers.find() == (egg, tea)
    assert timers.find("TEA") == (tea,)
    assert timers.find(seconds=180) == (egg,)
    assert timers.find("tea", 180) == ()
    clock.now += 100
    assert timers.left(tea) == 200
    clock.now += 1000
    assert timers.left(tea) == 0


def test_stored_timers_survive_a_restart(clock: Clock) -> None:
    kept, rung = MemoryStore(), list[Timer]()
    before = TimerScheduler(clock, rung.append, kept)
    soon, late = before.start(10, "tea"), before.start(3600)
    before.cancel(before.start(50))
    clock.now += 140
    after = TimerScheduler(clock, rung.append, kept)
    after.restore()
    assert after.snapshot() == (soon, late)
    assert after.ring_due() == late.due - clock.now
    assert rung == [soon]
    # Until somebody has heard it, which is not for the scheduler to know, it stays there.
    assert kept.all() == [soon, late]
    assert announcement(soon, clock.now - soon.due) == (
        "Your tea timer was done two minutes and ten seconds ago."
    )


def test_the_announcement_of_a_timer(clock: Clock) -> None:
    timers = TimerScheduler(clock, print)
    tea, nameless = timers.start(5, "tea"), timers.start(300)
    assert announcement(tea, 0.2) == "Your tea timer is done."
    assert announcement(nameless, 0.0) == "Your five minute timer is done."


def test_a_length_of_zero_and_one_timer_too_many_are_refused(clock: Clock) -> None:
    timers = TimerScheduler(clock, print)
    for seconds in (0, -5):
        with pytest.raises(ToolError, match="how long"):
            timers.start(seconds)
    for _ in range(MOST):
        timers.start(10)
    with pytest.raises(ToolError, match=f"{MOST} timers"):
        timers.start(10)


def test_a_clock_that_jumps_changes_no_length(clock: Clock) -> None:
    """A day forward, twenty years back: a timer of a minute takes a minute."""
    for jump in (86_400.0, -3_600.0, -20 * 365 * 86_400.0):
        steady, kept, rung = Clock(), MemoryStore(), list[Timer]()
        timers = TimerScheduler(clock, rung.append, kept, steady)
        tea = timers.start(60, "tea")
        clock.now += jump
        assert timers.ring_due() == 60
        [stored] = kept.all()
        assert stored.due == clock.now + 60  # the page and the next start go by the wall clock
        assert timers.left(tea) == 60
        for clocks in (clock, steady):
            clocks.now += 59
        assert (timers.ring_due(), rung) == (1, [])
        for clocks in (clock, steady):
            clocks.now += 1.5
        assert timers.ring_due() is None
        assert [(timer.name, clock.now - timer.due) for timer in rung] == [("tea", 0.5)]


def test_a_clock_that_began_in_1970_makes_no_timer_longer(clock: Clock) -> None:
    kept, rung = MemoryStore(), list[Timer]()
    TimerScheduler(clock, rung.append, kept).start(60)
    clock.now = 5.0
    after = TimerScheduler(clock, rung.append, kept)
    after.restore()
    assert after.ring_due() == 60


def test_a_paused_timer_waits_and_runs_on(clock: Clock) -> None:
    kept, rung, changes = MemoryStore(), list[Timer](), list[tuple[str, str]]()

    def changed(timer: Timer, state: str) -> None:
        changes.append((timer.name, state))

    timers = TimerScheduler(clock, rung.append, kept, changed=changed)
    tea = timers.start(60, "tea")
    clock.now += 20
    timers.pause(tea)
    timers.pause(tea)
    clock.now += 500
    assert (timers.ring_due(), timers.left(tea), timers.counting) == (None, 40, False)
    restored = TimerScheduler(clock, rung.append, kept)
    restored.restore()
    assert restored.left(tea) == 40
    timers.rename(tea, " Green  Tea")
    timers.resume(tea)
    timers.resume(tea)
    assert (timers.ring_due(), timers.counting) == (40, True)
    assert [stored.due for stored in kept.all()] == [clock.now + 40]  # what the next start goes by
    clock.now += 40
    timers.ring_due()
    assert [timer.name for timer in rung] == ["green tea"]
    for late in (timers.pause, timers.resume, timers.cancel):
        late(tea)
    timers.rename(tea, "gone")
    assert changes == [
        *(("tea", "set"), ("tea", "paused"), ("green tea", "paused"), ("green tea", "set")),
    ]


@contextlib.asynccontextmanager
async def running(timers: TimerScheduler) -> AsyncIterator[None]:
    task = asyncio.create_task(timers.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_running_timers_ring_by_the_real_clock() -> None:
    rung: asyncio.Queue[Timer] = asyncio.Queue()
    timers = TimerScheduler(time.time, rung.put_nowait)
    async with running(timers):
        long = timers.start(3600)
        first = timers.start(0.05, "first")  # set while run() waits for the long one
        assert await asyncio.wait_for(rung.get(), 10) == first
        second = timers.start(0.01, "second")
        assert await asyncio.wait_for(rung.get(), 10) == second
    assert timers.snapshot() == (long,)


async def test_a_failing_callback_stops_no_other_timer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def ring(timer: Timer) -> None:
        if timer.name == "bad":
            raise RuntimeError("nobody there")
        heard.put_nowait(timer.name)

    timers = TimerScheduler(time.time, ring)
    async with running(timers):
        timers.start(0.01, "bad")
        timers.start(0.02, "good")
        assert await asyncio.wait_for(heard.get(), 10) == "good"
    assert "nobody there" in caplog.text
