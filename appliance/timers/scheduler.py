"""Timers that run whether or not anybody listens, and survive a restart where they are stored.

A timer is due at a point of wall-clock time, so that one set before a restart still rings when
it should, or at once, and says how late it is.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from appliance.errors import ToolError
from appliance.text import phrasing
from appliance.wire import TimerMessage, TimerState

log = logging.getLogger(__name__)

MOST = 50  # more than anybody needs; a model gone astray must not fill the store
_LATE = 5.0  # seconds after which a ring says that it is late
_LONGEST_WAIT = (
    30.0  # the wall clock may be set while waiting, so it is read again at the latest now
)


@dataclass(frozen=True, slots=True)
class Timer:
    """One running timer; `seconds` is what was asked for, `due` is seconds since the epoch."""

    id: str
    name: str
    seconds: float
    due: float

    @property
    def title(self) -> str:
        """What it is called aloud: "tea timer", or "five minute timer" where it has no name."""
        return f"{self.name or phrasing.as_adjective(self.seconds)} timer"


class TimerStore(Protocol):
    """Where timers outlive the process. Methods return at once; committing is the store's part."""

    def add(self, timer: Timer) -> None:
        """Keeps a timer."""

    def remove(self, timer_id: str) -> None:
        """Forgets a timer; an unknown one is no error."""

    def all(self) -> Iterable[Timer]:
        """Every timer that was kept and not removed."""


class Timers:
    """The running timers. `now` is the wall clock; `ring` is told of each timer that is due.

    `ring` must return at once and is called on the event loop; in which session it is heard is
    its own business. A timer leaves the store before it rings: it never rings twice.
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
        """Takes up the stored timers; those that fell due meanwhile ring when `run` starts."""
        if self._store is not None:
            self._running |= {timer.id: timer for timer in self._store.all()}
            self._changed.set()

    def snapshot(self) -> tuple[Timer, ...]:
        """The running timers, the next one first."""
        return tuple(sorted(self._running.values(), key=lambda timer: (timer.due, timer.id)))

    def start(self, seconds: float, name: str = "") -> Timer:
        """A new timer. Raises ToolError for a length that is none and for one timer too many."""
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
        """Ends a timer unheard; one that has ended already is no error."""
        self._running.pop(timer.id, None)
        if self._store is not None:
            self._store.remove(timer.id)
        self._changed.set()

    def left(self, timer: Timer) -> float:
        """Seconds until a timer is due, never below zero."""
        return max(0.0, timer.due - self._now())

    def find(self, name: str = "", seconds: float = 0) -> tuple[Timer, ...]:
        """The running timers with that name, or of that length; all where both are empty."""
        wanted = name.strip().lower()
        return tuple(
            timer
            for timer in self.snapshot()
            if (not wanted or timer.name == wanted) and (not seconds or timer.seconds == seconds)
        )

    def ring_due(self) -> float | None:
        """Rings what is due; answers the seconds until the next is, None where none runs."""
        for timer in self.snapshot():
            if timer.due > self._now():
                return timer.due - self._now()
            self.cancel(timer)
            try:
                self._ring(timer)
            except Exception:  # one listener that fails must not stop the other timers
                log.exception("a timer rang unheard")
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


def announcement(timer: Timer, now: float) -> str:
    """What is said when a timer rings, which may be long after it was due."""
    late = now - timer.due
    if late < _LATE:
        return f"Your {timer.title} is done."
    return f"Your {timer.title} was done {phrasing.length(late)} ago."


def timer_message(timer: Timer, state: TimerState) -> TimerMessage:
    """A timer as the page shows it."""
    name = timer.name or timer.title.removesuffix(" timer")
    return TimerMessage(timer.id, name, state, timer.due)
