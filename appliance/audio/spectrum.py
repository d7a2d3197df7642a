"""Measures how far two renderings of the same speech differ. Pure."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.audio.format import OUTPUT_RATE

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

_WINDOW, _HOP, _BANDS = 1024, 256, 80
_SPEECH_RANGE: Final = 30.0
"""dB under the loudest frame; quieter frames are pauses and do not count."""
_BAND_RANGE: Final = 60.0
"""dB under the loudest band of the reference; what is softer is not heard beside the rest."""


def spectral_distance(reference: "Array", other: "Array") -> float:
    """The mean difference of two log-mel spectra in dB, where the reference has speech.

    Both are samples of 24 kHz that begin at the same time; the longer one is cut.
    """
    import numpy as np  # imported late, so that importing the package loads nothing heavy

    length = min(reference.size, other.size)
    expected, found = _log_mel(reference[:length]), _log_mel(other[:length])
    level = np.log10(np.sum(10 ** (expected / 10), axis=1)) * 10
    floor = expected.max() - _BAND_RANGE
    difference = np.abs(np.maximum(expected, floor) - np.maximum(found, floor))
    return float(difference[level > level.max() - _SPEECH_RANGE].mean())


def _log_mel(samples: "Array") -> "Array":
    """80 mel bands in dB, every 10.7 ms, over windows of 43 ms."""
    import numpy as np

    padded = np.pad(samples, _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    decibels: Array = 10 * np.log10(power @ _mel_filters() + 1e-10)
    return decibels


@cache
def _mel_filters() -> "Array":
    """Triangles of height 1 on the mel scale up to half the sample rate: (frequencies, bands)."""
    import numpy as np

    hertz = np.fft.rfftfreq(_WINDOW, 1 / OUTPUT_RATE)
    top = 2595 * np.log10(1 + OUTPUT_RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, _BANDS + 2) / 2595) - 1)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rising = (hertz[:, np.newaxis] - low) / (centre - low)
    falling = (high - hertz[:, np.newaxis]) / (high - centre)
    filters: Array = np.maximum(0.0, np.minimum(rising, falling))
    return filters
