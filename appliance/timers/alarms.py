"""Rings due timers until somebody has heard and stopped them.

rang ─► announced in every open session, shown and sounded by every other open page
  └─► again and again, until stopped, spoken to, or for RING_SECONDS ─► stopped | missed
missed ─► announced once in the next session, or dismissed on the page
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from appliance.concurrency import BackgroundTasks
from appliance.timers.scheduler import matching
from appliance.timers.timer import Timer, TimerStore, announcement, timer_message
from appliance.wire import TimerMessage, TimerState

RING_SECONDS = 120.0  # as long as an alarm is worth hearing; then it is missed
REPEAT_SECONDS = 10.0  # leaves the time to say "stop" between two announcements

Hearing = Mapping[str, int]
"""The sessions in which an alarm was announced, and the number of the turn in each by then."""

Text = Callable[[str], str]
"""The announcement in a language, by its code."""


class TimerAudience(Protocol):
    """The open sessions and pages in which a timer can ring."""

    async def ring(self, text: Text, message: TimerMessage) -> Hearing:
        """Rings in every open session, and shows the message on every page."""

    async def ring_again(self, text: Text, message: TimerMessage, heard: Hearing) -> Hearing | None:
        """Rings once more where nobody talks, and in new sessions.

        None where somebody has spoken in a session of `heard` since it rang there.
        """


@dataclass(slots=True)
class _Alarm:
    """A timer that was due at `due` of the steady clock. `missed`: it has rung for long enough."""

    timer: Timer
    due: float
    heard: Hearing = field(default_factory=dict)
    missed: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class AlarmClock:
    """The timers that ring, and those that nobody heard.

    `steady` is a clock that nobody sets, `now` the wall clock; `publish` tells the pages of each
    change. A timer stays in the store until it was announced in a session, stopped or dismissed,
    so that it rings again after a restart.
    """

    def __init__(
        self,
        store: TimerStore,
        audience: TimerAudience,
        now: Callable[[], float],
        steady: Callable[[], float],
        publish: Callable[[TimerMessage], None],
    ) -> None:
        self._store = store
        self._audience = audience
        self._now = now
        self._steady = steady
        self._publish = publish
        self._alarms: dict[str, _Alarm] = {}
        self._background = BackgroundTasks()

    @property
    def awaited(self) -> bool:
        """Whether an alarm rings that no session has heard yet."""
        return any(not alarm.missed and not alarm.heard for alarm in self._alarms.values())

    @property
    def unheard(self) -> bool:
        """Whether an alarm rings, or was missed, that no session has heard yet."""
        return any(not alarm.heard for alarm in self._alarms.values())

    def ring(self, timer: Timer) -> None:
        """Rings a timer that is due. Returns at once."""
        alarm = _Alarm(timer, self._steady() - (self._now() - timer.due))
        self._alarms[timer.id] = alarm
        self._background.run(self._sound(alarm), "ring a timer")

    def sounding(self, name: str = "", seconds: float = 0) -> tuple[Timer, ...]:
        """The timers that ring now, with that name and length; an empty value matches all."""
        found = (alarm.timer for alarm in self._alarms.values() if not alarm.missed)
        return matching(tuple(found), name, seconds)

    def messages(self) -> list[TimerMessage]:
        """The timers that ring or were missed, as the page shows them."""
        return [
            self._message(alarm, "missed" if alarm.missed else "rang")
            for alarm in self._alarms.values()
        ]

    def get(self, timer_id: str) -> Timer | None:
        """A timer that rings or was missed."""
        alarm = self._alarms.get(timer_id)
        return alarm.timer if alarm else None

    def stop(self, timer: Timer) -> None:
        """Silences an alarm, or dismisses a missed one; one that has ended is no error."""
        if alarm := self._alarms.get(timer.id):
            self._end(alarm)

    def stop_all(self) -> None:
        """Silences every alarm that rings."""
        for timer in self.sounding():
            self.stop(timer)

    def session_opened(self) -> None:
        """Has alarms ring in a session that has just opened, missed ones once."""
        for alarm in list(self._alarms.values()):
            alarm.wake.set()
            if alarm.missed:
                self._background.run(self._tell_missed(alarm), "tell of a missed timer")

    async def close(self) -> None:
        """Falls silent; alarms that nobody heard ring again after the next start."""
        await self._background.cancel()

    async def _sound(self, alarm: _Alarm) -> None:
        message = self._message(alarm, "rang")
        self._note_heard(alarm, await self._audience.ring(self._spoken(alarm), message))
        ends = alarm.due + RING_SECONDS
        while not alarm.ended.is_set() and self._steady() < ends:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(REPEAT_SECONDS, ends - self._steady())):
                    await alarm.wake.wait()
            alarm.wake.clear()
            if alarm.ended.is_set():
                return
            heard = await self._audience.ring_again(self._spoken(alarm), message, alarm.heard)
            if heard is None:
                break
            self._note_heard(alarm, heard)
        if alarm.heard:
            self._end(alarm)
        elif not alarm.ended.is_set():
            alarm.missed = True
            self._publish(self._message(alarm, "missed"))

    async def _tell_missed(self, alarm: _Alarm) -> None:
        if await self._audience.ring(self._spoken(alarm), self._message(alarm, "rang")):
            self._end(alarm)

    def _note_heard(self, alarm: _Alarm, heard: Hearing) -> None:
        if heard and not alarm.heard:
            self._store.remove(alarm.timer.id)
        alarm.heard = {**alarm.heard, **heard}

    def _end(self, alarm: _Alarm) -> None:
        if not alarm.ended.is_set():
            alarm.ended.set()
            alarm.wake.set()
            del self._alarms[alarm.timer.id]
            self._store.remove(alarm.timer.id)
            self._publish(self._message(alarm, "stopped"))

    def _spoken(self, alarm: _Alarm) -> Text:
        return lambda language: announcement(alarm.timer, self._steady() - alarm.due, language)

    def _message(self, alarm: _Alarm, state: TimerState) -> TimerMessage:
        left = alarm.due - self._steady()
        return timer_message(alarm.timer, state, left, self._now())
