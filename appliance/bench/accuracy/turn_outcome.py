"""Judges what a server did with one utterance: when it began and ended turns. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

LONG_WAIT_SECONDS: Final = 0.6
"""After the end of speech; who waits longer for the end of the turn notices it."""
_EARLY_SECONDS: Final = 0.1
"""A turn that ends so little before its speech does has lost nothing that could be heard."""
_LATE_SECONDS: Final = 0.3
"""So long after a pause may its end of turn still arrive."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a server made of a clip: words, and when turns began and ended (seconds of the clip).

    `fault` says why it could not be asked; such a clip does not count.
    """

    text: str = ""
    starts: tuple[float, ...] = ()
    stops: tuple[float, ...] = ()
    fault: str = ""


class SpeechTimes(Protocol):
    """When there is speech in a clip; see `Clip`."""

    @property
    def text(self) -> str: ...
    @property
    def begin(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def pauses(self) -> tuple[tuple[float, float], ...]: ...


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """The turns of one clip.

    `cut_pauses` of its pauses were taken for the end of the turn, and `cut_inside` turns ended
    while somebody spoke. `wait` is the time from the end of speech to that of the turn, None where
    no turn ended then. `false_starts` turns began where nobody spoke.
    """

    cut_pauses: int
    cut_inside: int
    wait: float | None
    false_starts: int

    @property
    def is_cut_off(self) -> bool:
        return self.cut_pauses + self.cut_inside > 0

    @property
    def waited_long(self) -> bool:
        """Whether the end of the turn came late, or never."""
        return self.wait is None or self.wait > LONG_WAIT_SECONDS


def turn_outcome(clip: SpeechTimes, heard: Heard) -> TurnOutcome:
    """The outcome of a clip; without speech in it, every start is a false one."""
    if not clip.text:
        return TurnOutcome(0, 0, None, len(heard.starts))
    early = [stop for stop in heard.stops if stop < clip.end - _EARLY_SECONDS]
    late = [stop for stop in heard.stops if stop >= clip.end - _EARLY_SECONDS]
    cut = {pause for pause in clip.pauses if any(_is_within(stop, pause) for stop in early)}
    inside = [stop for stop in early if not any(_is_within(stop, each) for each in clip.pauses)]
    end = late[0] if late else None
    false = [
        start
        for start in heard.starts
        if start < clip.begin - _EARLY_SECONDS or (end is not None and start > end)
    ]
    wait = None if end is None else max(0.0, end - clip.end)
    return TurnOutcome(len(cut), len(inside), wait, len(false))


def _is_within(stop: float, pause: Sequence[float]) -> bool:
    return pause[0] <= stop <= pause[1] + _LATE_SECONDS
