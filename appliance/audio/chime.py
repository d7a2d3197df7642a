"""Synthesises the chime of a timer."""

from functools import cache

import numpy as np

from appliance.audio.format import OUTPUT_RATE

_NOTES_HZ = (880.0, 1174.7, 880.0, 1174.7)
_NOTE_SECONDS = 0.28
_PEAK = 0.35


@cache
def chime() -> bytes:
    """Four strokes of a bell as 24 kHz mono PCM; each decays before the next, to avoid clicks."""
    times = np.arange(int(_NOTE_SECONDS * OUTPUT_RATE)) / OUTPUT_RATE
    envelope = np.minimum(times / 0.005, 1.0) * np.exp(-times * 9.0)
    strokes = [
        envelope * (np.sin(2 * np.pi * hz * times) + 0.3 * np.sin(4 * np.pi * hz * times))
        for hz in _NOTES_HZ
    ]
    samples = np.concatenate(strokes)
    fade = np.linspace(1.0, 0.0, int(0.02 * OUTPUT_RATE))
    samples[-fade.size :] *= fade
    return bytes((_PEAK * 32767 * samples / np.abs(samples).max()).astype("<i2").tobytes())
