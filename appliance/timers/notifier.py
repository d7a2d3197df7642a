"""Timers that are kept and shown: what the tools do to them, the database and the pages see."""

from collections.abc import Callable, Iterable
from typing import Protocol

from appliance.concurrency import BackgroundTasks
from appliance.timers.scheduler import Timer, TimerStore, announcement, timer_message
from appliance.wire import ServerMessage


class PublishingTimerStore:
    """A TimerStore that also tells every page: that a timer was set, or cancelled.

    A timer that rings leaves the store too, and is told as cancelled just before it rings.
    """

    def __init__(self, kept: TimerStore, publish: Callable[[ServerMessage], None]) -> None:
        self._kept = kept
        self._publish = publish
        self._known: dict[str, Timer] = {}

    def add(self, timer: Timer) -> None:
        self._known[timer.id] = timer
        self._kept.add(timer)
        self._publish(timer_message(timer, "set"))

    def remove(self, timer_id: str) -> None:
        self._kept.remove(timer_id)
        if timer := self._known.pop(timer_id, None):
            self._publish(timer_message(timer, "cancelled"))

    def all(self) -> Iterable[Timer]:
        self._known = {timer.id: timer for timer in self._kept.all()}
        return list(self._known.values())


class Page(Protocol):
    """One page that has just been opened."""

    def send_message(self, message: ServerMessage) -> None: ...


class Hearers(Protocol):
    """Whoever is connected."""

    @property
    def open_count(self) -> int: ...

    async def ring(self, text: str, message: ServerMessage) -> bool:
        """Rings in every open session; False where there was nobody to hear it."""


class TimerNotifier:
    """Rings where somebody can hear it; what nobody could is kept for the next session, even if
    that comes after a restart. `now` is in seconds since the epoch.
    """

    def __init__(self, kept: TimerStore, hearers: Hearers, now: Callable[[], float]) -> None:
        self._kept = kept
        self._hearers = hearers
        self._errands = BackgroundTasks()
        self._now = now
        self._missed: list[Timer] = []

    def ring(self, timer: Timer) -> None:
        """A timer is done. Returns at once."""
        if self._hearers.open_count:
            self._errands.run(self._ring(timer), "ring a timer")
        else:
            self._miss(timer)

    def opened(self, page: Page, running: Iterable[Timer]) -> None:
        """Shows a new page the timers that run, and rings what nobody has heard."""
        for timer in running:
            page.send_message(timer_message(timer, "set"))
        missed, self._missed = self._missed, []
        for timer in missed:
            self._errands.run(self._ring(timer), "ring a timer")

    async def _ring(self, timer: Timer) -> None:
        said = announcement(timer, self._now())
        if await self._hearers.ring(said, timer_message(timer, "rang")):
            self._kept.remove(timer.id)
        else:
            self._miss(timer)

    def _miss(self, timer: Timer) -> None:
        self._kept.add(timer)
        self._missed.append(timer)
