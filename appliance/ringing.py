"""Timers that are kept and shown: what the tools do to them, the database and the pages see."""

from collections.abc import Callable, Iterable

from appliance.tools.timers import Timer, TimerStore


class ToldTimers:
    """A TimerStore that also tells: `tell(timer, state)` with state "set" or "cancelled".

    A timer that rings leaves the store too, and is told as cancelled just before it rings.
    """

    def __init__(self, kept: TimerStore, tell: Callable[[Timer, str], None]) -> None:
        self._kept = kept
        self._tell = tell
        self._known: dict[str, Timer] = {}

    def add(self, timer: Timer) -> None:
        self._known[timer.id] = timer
        self._kept.add(timer)
        self._tell(timer, "set")

    def remove(self, timer_id: str) -> None:
        self._kept.remove(timer_id)
        if timer := self._known.pop(timer_id, None):
            self._tell(timer, "cancelled")

    def all(self) -> Iterable[Timer]:
        self._known = {timer.id: timer for timer in self._kept.all()}
        return list(self._known.values())
