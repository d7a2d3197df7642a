"""Retention deletes at night, a day after it was told, and never because of a clock that leaps."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from appliance.app.audience import Audience
from appliance.app.retention import Retention
from appliance.config.schema import RetentionConfig
from appliance.event_hub import EventHub
from appliance.store.clock_leaps import ClockReading
from appliance.store.retention_rules import DAY, RetentionKind
from appliance.store.store import Store
from tests.store.events import said

HOUR = 3600.0
YEARS = 20 * 365 * DAY
NOON = datetime(2027, 3, 10, 12).timestamp()  # in the time zone of this machine
KEEP_30 = RetentionConfig(
    **{"enabled": True, "conversation_days": 30, "recording_days": 0, "task_days": 0},
    **{"audit_days": 0, "megabytes": 0, "hour": 3},
)
KEEP_ALL = KEEP_30.model_copy(update={"conversation_days": 0})


async def is_guest(_client_id: str) -> bool:
    return False


class OpenSessions(Audience):
    """An audience in which some conversations are open."""

    def __init__(self) -> None:
        super().__init__(is_guest, EventHub())
        self.open: set[str] = set()

    @property
    def conversations(self) -> set[str]:
        return self.open


@dataclass
class Nights:
    """A store with its retention, and clocks that are set by hand."""

    store: Store
    wall: float = NOON
    steady: float = 1000.0
    audience: OpenSessions = field(default_factory=OpenSessions)

    def clocks(self) -> ClockReading:
        return ClockReading(self.wall, self.steady)

    async def start(self, config: RetentionConfig = KEEP_30) -> None:
        self.retention = Retention(self.store, self.audience, config, self.clocks)
        await self.retention.restore()
        await self.retention.look()

    async def pass_hours(self, hours: int) -> None:
        for _ in range(hours):
            self.wall += HOUR
            self.steady += HOUR
            await self.retention.look()

    async def talk(self, conversation: str, days_ago: float) -> None:
        self.store.append(said("hello", self.wall - days_ago * DAY, conversation=conversation))
        await self.store.flush()

    @property
    def told(self) -> tuple[dict[RetentionKind, int], float]:
        """What is going to be deleted, and in how many hours."""
        notice = self.retention.notice
        return (dict(notice.counts), notice.seconds / HOUR) if notice else ({}, 0.0)

    async def kept(self) -> set[str]:
        return {summary.id for summary in await self.store.conversations()}


@pytest.fixture
async def nights(tmp_path: Path) -> AsyncIterator[Nights]:
    store = Store.open(tmp_path / "voice.db")
    yield Nights(store)
    await store.close()


async def test_it_is_told_a_day_before_and_deleted_in_the_night_after(
    nights: Nights, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await nights.talk("old", 31)
    await nights.talk("young", 1)
    await nights.start()
    assert nights.told == ({RetentionKind.CONVERSATIONS: 1}, 24.0)
    assert "in the first night after 24 h these will be deleted" in caplog.text
    await nights.pass_hours(38)  # past the first night, and to the second
    assert nights.told == ({}, 0.0)
    assert await nights.kept() == {"old", "young"}
    await nights.pass_hours(1)
    assert await nights.kept() == {"young"}
    assert caplog.text.count("will be deleted") == 1
    assert "retention has deleted 1 conversations" in caplog.text
    await nights.store.flush()
    (entry,) = await nights.store.clients.audit_trail()
    assert (entry.what, entry.detail) == ("deleted by its age", "1 conversations")


async def test_a_rule_in_force_tells_no_more_and_a_stricter_one_again(nights: Nights) -> None:
    await nights.talk("old", 31)
    await nights.start()
    await nights.pass_hours(48)
    await nights.talk("older", 40)
    await nights.pass_hours(1)
    assert nights.told == ({}, 0.0)
    await nights.pass_hours(24)
    assert await nights.kept() == set()
    await nights.talk("week", 8)
    nights.retention.configure(KEEP_30.model_copy(update={"conversation_days": 7}))
    await nights.pass_hours(1)
    assert nights.told == ({RetentionKind.CONVERSATIONS: 1}, 24.0)
    await nights.pass_hours(20)
    assert await nights.kept() == {"week"}
    await nights.pass_hours(24)
    assert await nights.kept() == set()


@pytest.mark.parametrize("change", [{"enabled": False}, {"conversation_days": 0}])
async def test_what_is_switched_off_meanwhile_deletes_nothing(
    nights: Nights, change: dict[str, object]
) -> None:
    await nights.talk("old", 31)
    await nights.start()
    await nights.pass_hours(10)
    nights.retention.configure(KEEP_30.model_copy(update=change))
    await nights.pass_hours(72)
    assert nights.told == ({}, 0.0)
    assert await nights.kept() == {"old"}


async def test_an_open_conversation_stays_until_it_is_over(nights: Nights) -> None:
    await nights.talk("old", 31)
    await nights.talk("open", 31)
    nights.audience.open = {"open"}
    await nights.start()
    await nights.pass_hours(48)
    assert await nights.kept() == {"open"}
    nights.audience.open = set()
    await nights.pass_hours(24)
    assert await nights.kept() == set()


async def test_a_night_that_was_missed_is_made_up_for(nights: Nights) -> None:
    await nights.talk("old", 31)
    await nights.start()
    await nights.pass_hours(26)
    nights.wall += 40 * HOUR
    nights.steady = 5.0  # another boot, on another day at noon
    await nights.start()
    assert await nights.kept() == set()


async def test_the_day_of_grace_is_one_in_which_it_runs(nights: Nights) -> None:
    await nights.talk("old", 31)
    await nights.start()
    await nights.pass_hours(2)
    nights.wall += 5 * DAY
    nights.steady = 5.0
    await nights.start()
    await nights.pass_hours(15)
    assert await nights.kept() == {"old"}
    await nights.pass_hours(24)
    assert await nights.kept() == set()


@pytest.mark.parametrize("leap", [YEARS, -NOON, DAY * 400, -DAY])
@pytest.mark.parametrize("restart", [True, False])
async def test_a_clock_that_leaps_deletes_nothing_and_one_that_comes_back_neither(
    nights: Nights, leap: float, restart: bool
) -> None:
    await nights.start()
    await nights.talk("young", 20)
    await nights.talk("old", 31)
    await nights.pass_hours(40)
    assert await nights.kept() == {"young"}

    async def set_clock(by: float) -> None:
        nights.wall += by
        if restart:
            nights.steady = 5.0
            await nights.start()
        await nights.pass_hours(48)

    await set_clock(leap)
    assert await nights.kept() == {"young"}
    await nights.talk("new", 0)
    await set_clock(-leap)
    assert await nights.kept() == {"young", "new"}
    # Ages go on: it was twenty days old, and a week has passed.
    await nights.pass_hours(6 * 24)
    assert await nights.kept() == {"new"}


async def test_an_appliance_whose_first_clock_is_wrong_deletes_nothing(nights: Nights) -> None:
    """An update in a night in which the clock is twenty years ahead: nothing was seen before."""
    await nights.talk("young", 1)
    nights.wall += YEARS
    await nights.start()
    await nights.pass_hours(72)
    assert await nights.kept() == {"young"}
