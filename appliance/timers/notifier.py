"""Publishes timers to the connected clients, and rings them where somebody can hear it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from appliance.concurrency import BackgroundTasks
from appliance.timers.scheduler import Timer, TimerStore, announcement, timer_message
from appliance.wire import ConnectedClient, ServerMessage


class PublishingTimerStore:
    """A TimerStore that also publishes each timer that is set or cancelled.

    A timer that is due leaves the store too, so it is published as cancelled just before it rings.
    """

    def __init__(self, store: TimerStore, publish: Callable[[ServerMessage], None]) -> None:
        self._store = store
        self._publish = publish
        self._known: dict[str, Timer] = {}

    def add(self, timer: Timer) -> None:
        self._known[timer.id] = timer
        self._store.add(timer)
        self._publish(timer_message(timer, "set"))

    def remove(self, timer_id: str) -> None:
        self._store.remove(timer_id)
        if timer := self._known.pop(timer_id, None):
            self._publish(timer_message(timer, "cancelled"))

    def all(self) -> Iterable[Timer]:
        self._known = {timer.id: timer for timer in self._store.all()}
        return list(self._known.values())


class TimerAudience(Protocol):
    """The open sessions in which a timer can ring."""

    @property
    def open_count(self) -> int: ...

    async def ring(self, text: Callable[[str], str], message: ServerMessage) -> bool:
        """Rings in every open session, with the text in its language; False if there was none."""


class TimerNotifier:
    """Rings due timers in the open sessions.

    A timer that nobody could hear is stored, and rings in the next session, also after a restart.
    `now` is in seconds since the epoch.
    """

    def __init__(
        self, store: TimerStore, audience: TimerAudience, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._audience = audience
        self._now = now
        self._background = BackgroundTasks()
        self._missed: list[Timer] = []

    def ring(self, timer: Timer) -> None:
        """Rings a timer that is due. Returns at once."""
        if self._audience.open_count:
            self._ring_in_background(timer)
        else:
            self._miss(timer)

    @property
    def unheard(self) -> bool:
        """Whether a timer has rung that nobody heard."""
        return bool(self._missed)

    def client_connected(self, client: ConnectedClient, running: Iterable[Timer]) -> None:
        """Sends a new client the running timers, and rings those that were missed."""
        for timer in running:
            client.send_message(timer_message(timer, "set"))
        missed, self._missed = self._missed, []
        for timer in missed:
            self._ring_in_background(timer)

    def _ring_in_background(self, timer: Timer) -> None:
        self._background.run(self._ring(timer), "ring a timer")

    async def _ring(self, timer: Timer) -> None:
        text = partial(announcement, timer, self._now())
        if await self._audience.ring(text, timer_message(timer, "rang")):
            self._store.remove(timer.id)
        else:
            self._miss(timer)

    def _miss(self, timer: Timer) -> None:
        self._store.add(timer)
        self._missed.append(timer)
