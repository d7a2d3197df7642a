"""Tells what may be humming with closed lips ("mm-hm") from what is speech for certain. Pure."""

from typing import Final

from appliance.audio.format import INPUT_RATE

_FRAME: Final = INPUT_RATE // 50
"""20 ms."""
_BORDER: Final = 900
"""Hz. Closed lips let little through above it; every vowel has its second formant there, and a hiss
nothing below it."""
_QUIET_SHARE: Final = 0.01
"""Of the power of the loudest frame; quieter frames are pauses and do not count."""
_OPEN_SHARE: Final = 0.06
"""Of a frame's power, above the border: more than that of a hum."""
_FEWEST_OPEN: Final = 0.15
"""The share of open frames that makes it speech."""


def is_hum(audio: bytes) -> bool:
    """Whether `audio` (16 kHz PCM) may be humming from beginning to end; False for silence.

    So may a "no, no, no" of a dark voice; a hiss or an open vowel is none.
    """
    import numpy as np  # here, because importing a module loads nothing heavy

    samples = np.frombuffer(audio, "<i2", len(audio) // 2).astype(np.float32)
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    if not frames.size or not frames.any():
        return False
    frames = (frames - frames.mean()) * np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames)) ** 2
    total = power.sum(axis=1)
    loud = total > _QUIET_SHARE * total.max()
    border = _BORDER * _FRAME // INPUT_RATE
    is_open = power[loud][:, border:].sum(axis=1) > _OPEN_SHARE * total[loud]
    return bool(is_open.mean() < _FEWEST_OPEN)
