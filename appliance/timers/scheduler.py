"""Runs timers, whether or not a session is open; stored timers survive a restart.

A timer is due at a point in wall-clock time. One that was set before a restart rings when it is
due; if that time has passed it rings at once, and the announcement says how late it is.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from appliance.errors import ToolError
from appliance.languages.phrases import phrases
from appliance.languages.table import ENGLISH
from appliance.text import phrasing
from appliance.wire import TimerMessage, TimerState

log = logging.getLogger(__name__)

MOST = 50  # more than anybody needs; a misbehaving model must not fill the store
_LATE = 5.0  # seconds after which the announcement says how late it is
_LONGEST_WAIT = 30.0  # seconds; the wall clock may be set meanwhile, so it is read again


@dataclass(frozen=True, slots=True)
class Timer:
    """A running timer of `seconds` seconds; `due` is in seconds since the epoch."""

    id: str
    name: str
    seconds: float
    due: float

    @property
    def title(self) -> str:
        """The spoken title: "tea timer", or "five minute timer" for a timer without a name."""
        return f"{self.name or phrasing.as_adjective(self.seconds)} timer"


class TimerStore(Protocol):
    """Persists timers. Methods return at once; the store commits in the background."""

    def add(self, timer: Timer) -> None:
        """Stores a timer."""

    def remove(self, timer_id: str) -> None:
        """Removes a timer; an unknown id is no error."""

    def all(self) -> Iterable[Timer]:
        """All stored timers."""


class TimerScheduler:
    """The running timers. `now` is the wall clock; `ring` is called with each timer that is due.

    `ring` is called on the event loop and must return at once. A timer leaves the store before it
    rings, so that it never rings twice.
    """

    def __init__(
        self,
        now: Callable[[], float],
        ring: Callable[[Timer], None],
        store: TimerStore | None = None,
    ) -> None:
        self._now = now
        self._ring = ring
        self._store = store
        self._running: dict[str, Timer] = {}
        self._changed = asyncio.Event()

    def restore(self) -> None:
        """Loads the stored timers; those that are overdue ring when `run` starts."""
        if self._store is not None:
            self._running |= {timer.id: timer for timer in self._store.all()}
            self._changed.set()

    def snapshot(self) -> tuple[Timer, ...]:
        """The running timers, the next one first."""
        return tuple(sorted(self._running.values(), key=lambda timer: (timer.due, timer.id)))

    def start(self, seconds: float, name: str = "") -> Timer:
        """Starts a timer. Raises ToolError for a length of zero or less, and for one too many."""
        if seconds <= 0:
            raise ToolError("a timer needs to know how long", advice="Say for how long.")
        if len(self._running) >= MOST:
            raise ToolError(f"there are {MOST} timers already", advice="Cancel some of them.")
        timer = Timer(uuid.uuid4().hex, name.strip().lower(), seconds, self._now() + seconds)
        self._running[timer.id] = timer
        if self._store is not None:
            self._store.add(timer)
        self._changed.set()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Ends a timer without ringing; one that has ended already is no error."""
        self._running.pop(timer.id, None)
        if self._store is not None:
            self._store.remove(timer.id)
        self._changed.set()

    def left(self, timer: Timer) -> float:
        """Seconds until a timer is due, never below zero."""
        return max(0.0, timer.due - self._now())

    def find(self, name: str = "", seconds: float = 0) -> tuple[Timer, ...]:
        """The running timers with that name and length; an empty value matches all."""
        wanted = name.strip().lower()
        return tuple(
            timer
            for timer in self.snapshot()
            if (not wanted or timer.name == wanted) and (not seconds or timer.seconds == seconds)
        )

    def ring_due(self) -> float | None:
        """Rings due timers; returns the seconds until the next is due, None if none runs."""
        for timer in self.snapshot():
            if timer.due > self._now():
                return timer.due - self._now()
            self.cancel(timer)
            try:
                self._ring(timer)
            except Exception:  # boundary of a timer: a failing callback must not stop the others
                log.exception("could not ring the %s", timer.title)
        return None

    async def run(self) -> None:
        """Rings timers as they fall due, until cancelled."""
        while True:
            self._changed.clear()
            wait = self.ring_due()
            try:
                async with asyncio.timeout(None if wait is None else min(wait, _LONGEST_WAIT)):
                    await self._changed.wait()
            except TimeoutError:
                continue


def announcement(timer: Timer, now: float, language: str = ENGLISH) -> str:
    """The announcement of a timer that rings at `now`, which may be long after it was due."""
    said, late = phrases(language), now - timer.due
    title = said.timer_title(timer.name, timer.seconds)
    if late < _LATE:
        return said.say("timer_done", timer=title)
    return said.say("timer_done_late", timer=title, length=said.length(late))


def timer_message(timer: Timer, state: TimerState) -> TimerMessage:
    """A timer as the page shows it."""
    name = timer.name or timer.title.removesuffix(" timer")
    return TimerMessage(timer.id, name, state, timer.due)
