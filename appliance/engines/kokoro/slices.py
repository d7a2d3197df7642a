"""Cuts a sentence into slices, and joins their sound. Pure.

Lengths are in frames of the model (12.5 ms), sound is in samples of 24 kHz at full scale 1.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.audio.format import OUTPUT_RATE
from appliance.engines.kokoro.generator import SAMPLES_PER_FRAME

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

_FIRST, _LENGTH = 40, 48
"""The first slice has about 0.25 s of speech, after the silence that every sentence begins with.
Longer slices than these waste less on context, but their intermediate results outgrow the
processor's cache, which costs as much. Their length does not depend on the speed of the machine,
so that the same sentence always sounds the same."""
_SHORTEST: Final = 24
"""A shorter rest is added to the slice before it."""
_FADE_FRAMES: Final = 1
"""The overlap of two slices. They differ only by the rounding of their int8 activations."""
_BLOCK: Final = 256
"""Samples over which silence is measured."""
_MARGIN: Final = 1024
"""Samples of silence that stay before the first sound and after the last."""
_SLOWNESS_WEIGHT: Final = 0.2
"""Of one slice against those before it."""
_SLOWNESS_MARGIN: Final = 1.1
"""For slices that take longer than usual."""


def slice_bounds(frames: int) -> Iterator[tuple[int, int]]:
    """Start and stop of each slice of a sentence of `frames` frames."""
    start, stop = 0, _FIRST
    while start < frames:
        if frames - stop < _SHORTEST:
            stop = frames
        yield start, stop
        start, stop = stop, stop + _LENGTH


def joined(render: "Callable[[int, int], Array]", frames: int) -> "Iterator[Array]":
    """The sound of a sentence, slice by slice, with cross-faded seams.

    `render` returns the samples of the frames from start to stop.
    """
    import numpy as np  # imported late, so that importing the package loads nothing heavy

    fade = _FADE_FRAMES * SAMPLES_PER_FRAME
    rising = (np.arange(fade, dtype=np.float32) + 0.5) / fade
    overlap = np.zeros(0, np.float32)
    for start, stop in slice_bounds(frames):
        is_last = stop == frames
        audio = render(start, stop if is_last else stop + _FADE_FRAMES)
        if overlap.size:
            audio[:fade] = overlap * (1 - rising) + audio[:fade] * rising
        if not is_last:
            audio, overlap = audio[:-fade], audio[-fade:]
        yield audio


class SilenceTrimmer:
    """Removes the silence before and after a sentence that comes in parts.

    Silence inside it stays: it is held back until sound follows.
    """

    def __init__(self, threshold: float) -> None:
        """`threshold` is the root mean square, of full scale, above which there is sound."""
        self._power = threshold * threshold
        self._held: Array | None = None
        # How much silence is still to follow the latest sound; None before the first.
        self._margin: int | None = None

    def trimmed(self, audio: "Array") -> "Array":
        """What can be played after this part; it may be empty."""
        import numpy as np

        samples = np.concatenate([self._held, audio]) if self._held is not None else audio
        blocks = samples.size // _BLOCK
        squares = np.square(samples[: blocks * _BLOCK].reshape(blocks, _BLOCK))
        loud = np.flatnonzero(np.mean(squares, axis=1) > self._power)
        start = 0
        if loud.size:
            if self._margin is None:
                start = max(0, int(loud[0]) * _BLOCK - _MARGIN)
            end_of_sound = (int(loud[-1]) + 1) * _BLOCK
            stop = min(samples.size, end_of_sound + _MARGIN)
            self._margin = _MARGIN - (stop - end_of_sound)
        elif self._margin is not None:
            stop = min(samples.size, self._margin)
            self._margin -= stop
        else:
            # Of the silence before a sentence, the margin alone is needed.
            start = stop = max(0, blocks * _BLOCK - _MARGIN)
        self._held = samples[stop:]
        return samples[start:stop]


class PlayoutBuffer:
    """Holds the beginning of a sentence back where the rest would not be made in time.

    A busy or slow processor makes sound more slowly than it is heard; without a buffer, the
    sentence would break off between two slices. Where it keeps up, nothing is held back.
    """

    def __init__(self, slowness: float) -> None:
        """`slowness`: how many seconds a second of sound takes, by what was made before."""
        self._slowness = slowness
        self._held: list[Array] = []
        self._held_seconds = 0.0
        self._is_open = False

    @property
    def slowness(self) -> float:
        """The same after what has been made meanwhile."""
        return self._slowness

    def add(self, audio: "Array", seconds: float, took: float, left: float) -> "Iterator[Array]":
        """Yields what can be played after a slice of `seconds` that `took` so long to make.

        `audio` is the slice without the silence around the sentence, `left` are the seconds of
        sound that are still to be made.
        """
        self._slowness += _SLOWNESS_WEIGHT * (took / seconds - self._slowness)
        self._held.append(audio)
        self._held_seconds += audio.size / OUTPUT_RATE
        lacking = left * (_SLOWNESS_MARGIN * self._slowness - 1)
        self._is_open = self._is_open or self._held_seconds >= lacking
        if self._is_open:
            yield from self._held
            self._held.clear()
