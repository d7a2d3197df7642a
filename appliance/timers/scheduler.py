"""Runs timers, whether or not a session is open; stored timers survive a restart.

While the process lives, a timer follows a clock that nobody sets. Only over a restart does the
wall clock count: a timer that was set before rings when it is due; if that time has passed it
rings at once, and the announcement says how late it is.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.errors import ToolError
from appliance.timers.timer import Timer, TimerStore
from appliance.wire import TimerState

log = logging.getLogger(__name__)

MOST = 50  # more than anybody needs; a misbehaving model must not fill the store
_LONGEST_WAIT = 30.0  # seconds; the wall clock may be set meanwhile, so it is looked at again
_CLOCK_SET = 1.0  # seconds between the clocks by which the wall clock counts as set anew

Seconds = Callable[[], float]


def _unwatched(timer: Timer, state: TimerState) -> None:
    """Stands for `changed` where nobody looks at the timers."""


@dataclass(frozen=True, slots=True)
class _RunningTimer:
    """A timer that has not rung; `ends` is by the steady clock, and has no meaning in a pause."""

    timer: Timer
    ends: float


class TimerScheduler:
    """The timers that have not rung yet, paused ones among them.

    `now` is the wall clock, `steady` one that nobody sets (both in seconds; without it, `now`).
    `ring` is called with each timer that is due, with the `due` at which it was; `changed` with
    each that was set, changed, paused or cancelled. Both are called on the event loop and return
    at once. A timer that rings stays in the store: who rings it removes it when it was heard.
    """

    def __init__(
        self,
        now: Seconds,
        ring: Callable[[Timer], None],
        store: TimerStore | None = None,
        steady: Seconds | None = None,
        changed: Callable[[Timer, TimerState], None] = _unwatched,
    ) -> None:
        self._now = now
        self._steady = steady or now
        self._ring = ring
        self._store = store
        self._publish = changed
        self._running: dict[str, _RunningTimer] = {}
        self._changed = asyncio.Event()
        self._offset = self._now() - self._steady()

    def restore(self) -> None:
        """Loads the stored timers; those that are overdue ring when `run` starts."""
        stored = self._store.all() if self._store is not None else ()
        for timer in stored:
            # A clock that was set back, or began in 1970, must not make a timer longer than it was.
            left = min(timer.due - self._now(), timer.seconds)
            self._running[timer.id] = _RunningTimer(timer, self._steady() + left)
        self._changed.set()

    def snapshot(self) -> tuple[Timer, ...]:
        """The timers that have not rung, the next one first; paused ones by what is left."""
        timers = (one.timer for one in self._running.values())
        return tuple(sorted(timers, key=lambda timer: (self._left(timer), timer.id)))

    @property
    def counting(self) -> bool:
        """Whether a timer is yet to ring by itself."""
        return any(one.timer.paused_left is None for one in self._running.values())

    def start(self, seconds: float, name: str = "", client_id: str = "") -> Timer:
        """Starts a timer. Raises ToolError for a length of zero or less, and for one too many."""
        if seconds <= 0:
            raise ToolError("a timer needs to know how long", advice="Say for how long.")
        if len(self._running) >= MOST:
            raise ToolError(f"there are {MOST} timers already", advice="Cancel some of them.")
        due = self._now() + seconds
        timer = Timer(uuid.uuid4().hex, _tidied(name), seconds, due, client_id)
        self._keep(timer, self._steady() + seconds)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Ends a timer without ringing; one that has ended already is no error."""
        if self._running.pop(timer.id, None) is not None:
            self._forget(timer.id)
            self._publish(timer, "cancelled")
        self._changed.set()

    def rename(self, timer: Timer, name: str) -> None:
        """Gives a timer another name; one that has ended already stays as it is."""
        if one := self._running.get(timer.id):
            self._keep(replace(one.timer, name=_tidied(name)), one.ends)

    def pause(self, timer: Timer) -> None:
        """Stops a timer where it is; one that is paused stays so."""
        one = self._running.get(timer.id)
        if one is not None and one.timer.paused_left is None:
            self._keep(replace(one.timer, paused_left=self.left(timer)), one.ends)

    def resume(self, timer: Timer) -> None:
        """Has a paused timer run on; one that runs does so already."""
        one = self._running.get(timer.id)
        if one is not None and one.timer.paused_left is not None:
            left = one.timer.paused_left
            running = replace(one.timer, paused_left=None, due=self._now() + left)
            self._keep(running, self._steady() + left)

    def left(self, timer: Timer) -> float:
        """Seconds until a timer rings, never below zero; those that remain where it is paused."""
        return max(0.0, self._left(timer))

    def find(self, name: str = "", seconds: float = 0) -> tuple[Timer, ...]:
        """The timers with that name and length; an empty value matches all."""
        return matching(self.snapshot(), name, seconds)

    def ring_due(self) -> float | None:
        """Rings due timers; returns the seconds until the next is due, None if none runs."""
        self._follow_clock()
        for timer in self.snapshot():
            if timer.paused_left is not None:
                continue
            left = self._left(timer)
            if left > 0:
                return left
            del self._running[timer.id]
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

    def _follow_clock(self) -> None:
        """Where the wall clock was set: tells store and pages when the timers are due by it."""
        offset = self._now() - self._steady()
        if abs(offset - self._offset) < _CLOCK_SET:
            return
        self._offset = offset
        log.info("the clock was set; the timers keep their lengths")
        for one in list(self._running.values()):
            if one.timer.paused_left is None:
                self._keep(replace(one.timer, due=one.ends + offset), one.ends)

    def _left(self, timer: Timer) -> float:
        one = self._running.get(timer.id)
        if one is None:
            return timer.due - self._now()
        paused = one.timer.paused_left
        return one.ends - self._steady() if paused is None else paused

    def _keep(self, timer: Timer, ends: float) -> None:
        self._running[timer.id] = _RunningTimer(timer, ends)
        if self._store is not None:
            self._store.add(timer)
        self._publish(timer, "set" if timer.paused_left is None else "paused")
        self._changed.set()

    def _forget(self, timer_id: str) -> None:
        if self._store is not None:
            self._store.remove(timer_id)


def matching(timers: tuple[Timer, ...], name: str, seconds: float) -> tuple[Timer, ...]:
    """Those of the timers with that name and length; an empty value matches all."""
    wanted = _tidied(name)
    return tuple(
        timer
        for timer in timers
        if (not wanted or timer.name == wanted) and (not seconds or timer.seconds == seconds)
    )


def _tidied(name: str) -> str:
    return " ".join(name.split()).lower()
