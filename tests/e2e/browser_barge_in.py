"""Measures barge-ins: how long the assistant's voice goes on after the user begins. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# Root mean square of 5 ms below which it is silent; speech of the fixtures is at 0.05 to 0.3.
HEARD = 0.01
# Longer than any gap between the words of one sentence.
PAUSE_MS = 800.0
# After a longer gap between samples, onset or end may have been seen too late.
STILL_MS = 40.0
# Shorter than the sentence that interrupts, so that the next answer is not taken for the voice
# that should have stopped.
LOOK_MS = 1000.0


class Sample(NamedTuple):
    at: float
    you: float
    assistant: float


def onsets(samples: Sequence[Sample]) -> list[float]:
    """Returns the times, in ms, at which speech into the microphone begins after a pause."""
    found: list[float] = []
    last = float("-inf")
    for sample in samples:
        if sample.you > HEARD:
            if sample.at - last > PAUSE_MS:
                found.append(sample.at)
            last = sample.at
    return found


def barge_ins(samples: Sequence[Sample], playing: Sequence[tuple[float, bool]]) -> list[float]:
    """Returns, for each time the user spoke over the assistant, the ms until it was silent.

    `playing` has the times at which the page began and ceased to play speech, pauses between words
    included. A barge-in with a gap in its samples is left out: it would seem too short.
    """
    found: list[float] = []
    for onset in onsets(samples):
        if not _was_playing(playing, onset):
            continue
        near = [s for s in samples if onset - LOOK_MS <= s.at <= onset + LOOK_MS]
        ceased = [at for at, on in playing if onset < at <= onset + LOOK_MS and not on]
        heard = [s.at for s in near if s.at > onset and s.assistant > HEARD]
        end = max([*ceased, *heard], default=onset + LOOK_MS)
        measuring = [(a.at, b.at) for a, b in pairwise(near) if b.at >= onset and a.at <= end]
        if all(b - a <= STILL_MS for a, b in measuring):
            found.append(end - onset)
    return found


def _was_playing(playing: Sequence[tuple[float, bool]], moment: float) -> bool:
    return next((on for at, on in reversed(playing) if at <= moment), False)
