"""Splits long audio at quiet places into pieces that an engine accepts. Pure."""

from collections.abc import Iterator
from typing import Final

from appliance.audio.format import INPUT_RATE

_FRAME: Final = INPUT_RATE // 50 * 2
"""20 ms in bytes."""


def pieces(audio: bytes, longest: float, search: float) -> Iterator[bytes]:
    """Splits `audio` (16 kHz PCM) into pieces of at most `longest` seconds without loss or overlap.

    A cut lies in the quietest 20 ms of the last `search` seconds of the longest possible piece,
    which is a pause between words if there is one. An odd last byte is dropped.
    """
    start, end = 0, len(audio) // 2 * 2
    size = round(longest * INPUT_RATE) * 2
    reach = round(search * INPUT_RATE) * 2
    while end - start > size:
        cut = _quietest(audio, start + size - reach, start + size)
        yield audio[start:cut]
        start = cut
    if end > start:
        yield audio[start:end]


def _quietest(audio: bytes, first: int, last: int) -> int:
    starts = range(first, max(first, last - _FRAME) + 1, _FRAME)
    quietest = min(starts, key=lambda start: loudness(audio[start : start + _FRAME]))
    return quietest + _FRAME // 2


def loudness(audio: bytes) -> float:
    """Root mean square of the samples as a share of full scale; 0 for empty audio."""
    import numpy as np  # here, because importing a module loads nothing heavy

    samples = np.frombuffer(audio, dtype="<i2", count=len(audio) // 2).astype(np.float32)
    return float(np.sqrt(np.mean(np.square(samples / 32768)))) if samples.size else 0.0
