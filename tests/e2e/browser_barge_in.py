"""When was the assistant interrupted, and how long did its voice go on? Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# Root mean square of 5 ms; below it nobody speaks. Speech of the fixtures is at 0.05 to 0.3.
HEARD = 0.01
# Longer than any gap between the words of one sentence.
PAUSE_MS = 800.0
# A page that stood still for longer saw neither the onset nor the end when they were.
STILL_MS = 40.0
# Shorter than what is said to interrupt, so that the answer to that is not taken for the voice
# that should have stopped.
LOOK_MS = 1000.0


class Sample(NamedTuple):
    at: float
    you: float
    assistant: float


def onsets(samples: Sequence[Sample]) -> list[float]:
    """The ms at which somebody began to speak into the microphone after a pause."""
    found: list[float] = []
    last = float("-inf")
    for sample in samples:
        if sample.you > HEARD:
            if sample.at - last > PAUSE_MS:
                found.append(sample.at)
            last = sample.at
    return found


def barge_ins(samples: Sequence[Sample], playing: Sequence[tuple[float, bool]]) -> list[float]:
    """For each time the user spoke into the assistant's voice: ms until it was silenced.

    `playing` tells when the page began and ceased to play speech; the pauses between words, in
    which nothing is heard either, are part of it. What the samples have a gap in is left out,
    because it would read too well.
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
