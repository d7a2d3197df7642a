"""Alarms ring until they are stopped, spoken to, or have rung for long enough."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from appliance.errors import NotFound
from appliance.timers import alarms as module
from appliance.timers.alarms import RING_SECONDS, AlarmClock
from appliance.timers.scheduler import TimerScheduler
from appliance.timers.service import TimerService
from appliance.timers.timer import Timer
from appliance.wire import TimerMessage
from tests.timers.test_scheduler import Clock, MemoryStore


@dataclass
class House:
    """The sessions by id, each with its turn, and the page, which notes what it is shown."""

    sessions: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    rounds: int = 0

    async def ring(self, text: Callable[[str], str], message: TimerMessage) -> Mapping[str, int]:
        self.shown.append((message.name, message.state))
        self.said += [text("en") for _ in self.sessions]
        return dict(self.sessions)

    async def ring_again(
        self, text: Callable[[str], str], message: TimerMessage, heard: Mapping[str, int]
    ) -> Mapping[str, int] | None:
        self.rounds += 1
        if any(self.sessions.get(one, turn) != turn for one, turn in heard.items()):
            return None
        self.said += [text("en") for _ in self.sessions]
        return {one: turn for one, turn in self.sessions.items() if one not in heard}

    def publish(self, message: TimerMessage) -> None:
        self.shown.append((message.name, message.state))


@dataclass
class Kitchen:
    """An alarm clock with a tea timer that has just begun to ring, and a clock for the test."""

    house: House = field(default_factory=House)
    clock: Clock = field(default_factory=Clock)
    kept: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.alarms = AlarmClock(self.kept, self.house, self.clock, self.clock, self.house.publish)
        self.scheduler = TimerScheduler(self.clock, self.alarms.ring, self.kept)
        self.timers = TimerService(self.scheduler, self.alarms, self.clock)

    async def rings(self, late: float = 0.0) -> Timer:
        timer = self.scheduler.start(60, "tea", "guest")
        self.clock.now += 60 + late
        self.scheduler.ring_due()
        await self.until(lambda: self.house.shown)
        return timer

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110  the alarms run in tasks of their own
                await asyncio.sleep(0)


@pytest_asyncio.fixture
async def kitchen(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kitchen]:
    monkeypatch.setattr(module, "REPEAT_SECONDS", 0.001)
    kitchen = Kitchen()
    yield kitchen
    await kitchen.alarms.close()


async def test_an_alarm_repeats_without_a_session_until_it_is_stopped(kitchen: Kitchen) -> None:
    tea = await kitchen.rings()
    await kitchen.until(lambda: kitchen.house.rounds > 3)
    [shown] = kitchen.timers.listed()
    assert (shown.name, shown.state, shown.client_id) == ("tea", "rang", "guest")
    assert kitchen.alarms.awaited
    assert kitchen.kept.all()  # a restart would ring it again
    kitchen.timers.end(tea.id)
    rounds = kitchen.house.rounds
    assert kitchen.house.shown == [("tea", "rang"), ("tea", "stopped")]
    assert (kitchen.timers.listed(), kitchen.kept.all()) == ([], [])
    with pytest.raises(NotFound):
        kitchen.timers.end(tea.id)
    assert kitchen.house.rounds == rounds


async def test_what_nobody_stops_is_missed_and_told_in_the_next_session(kitchen: Kitchen) -> None:
    await kitchen.rings()
    kitchen.clock.now += RING_SECONDS
    await kitchen.until(lambda: ("tea", "missed") in kitchen.house.shown)
    assert (kitchen.alarms.sounding(), kitchen.alarms.awaited) == ((), False)
    assert [timer.state for timer in kitchen.timers.listed()] == ["missed"]
    kitchen.house.sessions["kitchen"] = 0
    kitchen.alarms.session_opened()
    await kitchen.until(lambda: not kitchen.timers.listed())
    assert kitchen.house.said == ["Your tea timer was done two minutes ago."]
    assert kitchen.kept.all() == []


async def test_a_missed_alarm_can_be_dismissed(kitchen: Kitchen) -> None:
    tea = await kitchen.rings(late=RING_SECONDS + 1)  # while the appliance was off
    await kitchen.until(lambda: ("tea", "missed") in kitchen.house.shown)
    assert kitchen.house.rounds == 0
    kitchen.timers.end(tea.id)
    assert kitchen.timers.listed() == []


async def test_an_alarm_in_a_session_ends_with_the_next_turn_there(kitchen: Kitchen) -> None:
    kitchen.house.sessions["kitchen"] = 4
    await kitchen.rings()
    await kitchen.until(lambda: len(kitchen.house.said) > 2)
    assert not kitchen.alarms.awaited
    assert kitchen.kept.all() == []  # it was heard: a restart must not ring it again
    kitchen.house.sessions["kitchen"] = 5
    await kitchen.until(lambda: not kitchen.timers.listed())
    assert kitchen.house.shown[-1] == ("tea", "stopped")


async def test_an_alarm_rings_at_once_in_a_session_that_opens_meanwhile(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPEAT_SECONDS", RING_SECONDS)
    await kitchen.rings()
    kitchen.house.sessions["late"] = 0
    kitchen.alarms.session_opened()
    await kitchen.until(lambda: kitchen.house.said)
    await kitchen.until(lambda: not kitchen.kept.all())
    kitchen.alarms.stop_all()
    assert kitchen.timers.listed() == []


async def test_timers_are_changed_by_their_ids(kitchen: Kitchen) -> None:
    timers = kitchen.timers
    tea = timers.start(60, "Tea", "c")
    assert (tea.state, tea.seconds, tea.left, tea.due) == ("set", 60, 60, kitchen.clock.now + 60)
    timers.change(tea.id, "green tea", paused=True)
    [shown] = timers.listed()
    assert (shown.name, shown.state, timers.owner(tea.id)) == ("green tea", "paused", "c")
    timers.change(tea.id, None, paused=False)
    assert [timer.state for timer in timers.listed()] == ["set"]
    timers.end(tea.id)
    for change in (timers.owner, timers.end):
        with pytest.raises(NotFound):
            change(tea.id)
