"""Defines a timer, its words, and how it is shown on the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from appliance.languages.phrases import phrases
from appliance.languages.table import ENGLISH
from appliance.text import phrasing
from appliance.wire import TimerMessage, TimerState

_LATE = 5.0  # seconds after which the announcement says how late it is


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of `seconds` seconds that belongs to a client.

    `due` is in seconds since the epoch, by the wall clock of when it was set. `paused_left` is the
    number of seconds that are left while it is paused; None where it runs.
    """

    id: str
    name: str
    seconds: float
    due: float
    client_id: str = ""
    paused_left: float | None = None

    @property
    def title(self) -> str:
        """The spoken title: "tea timer", or "five minute timer" for a timer without a name."""
        return f"{self.name or phrasing.as_adjective(self.seconds)} timer"


class TimerStore(Protocol):
    """Persists timers. Methods return at once; the store commits in the background."""

    def add(self, timer: Timer) -> None:
        """Stores a timer, in place of one with the same id."""

    def remove(self, timer_id: str) -> None:
        """Removes a timer; an unknown id is no error."""

    def all(self) -> Iterable[Timer]:
        """All stored timers."""


def announcement(timer: Timer, late: float, language: str = ENGLISH) -> str:
    """The announcement of a timer that was due `late` seconds ago."""
    said = phrases(language)
    title = said.timer_title(timer.name, timer.seconds)
    if late < _LATE:
        return said.say("timer_done", timer=title)
    return said.say("timer_done_late", timer=title, length=said.length(late))


def timer_message(timer: Timer, state: TimerState, left: float, now: float) -> TimerMessage:
    """A timer as the page shows it, with `left` seconds to go at `now`, since the epoch."""
    return TimerMessage(
        id=timer.id,
        name=timer.name,
        state=state,
        due=now + left,
        seconds=timer.seconds,
        left=left,
        client_id=timer.client_id,
    )
