"""Chunks that were synthesised one by one, made equally loud. Pure."""

import math
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import OUTPUT_RATE

if TYPE_CHECKING:
    import numpy as np

_WANTED: Final = -20.0
"""dB of full scale (root mean square while there is sound), as loud as the starter engine."""
_MOST_GAIN: Final = 6.0
"""dB either way: chunks differ by less, and what is further off is meant to be, or is no speech."""
_SOUND: Final = -25.0
"""dB under the loudest frame; pauses below it say nothing about how loud the speech is."""
_QUIETEST: Final = -50.0
"""dB; what is softer is breath or silence, and stays so."""
_HIGHEST: Final = 0.97
"""Full scale is 1; the rest is for what resampling adds."""
_FRAME: Final = OUTPUT_RATE // 50


def levelled(samples: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """`samples` (full scale 1) under one gain, so that nothing is heard of it but its loudness."""
    return samples * gain(samples)


def gain(samples: "np.ndarray[Any, Any]") -> float:
    """The factor that brings these samples to the wanted loudness, or near it: it is limited, and
    never makes them clip."""
    level = speech_level(samples)
    if level < _QUIETEST:
        return 1.0
    wanted = max(-_MOST_GAIN, min(_MOST_GAIN, _WANTED - level))
    factor = math.pow(10, wanted / 20)
    peak = float(abs(samples).max())
    return min(factor, max(1.0, _HIGHEST / peak))


def speech_level(samples: "np.ndarray[Any, Any]") -> float:
    """Root mean square of the frames with sound, in dB of full scale."""
    import numpy as np  # here, because importing the package loads nothing heavy

    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    power = np.mean(np.square(frames), axis=1) if frames.size else np.zeros(1)
    loud = power[power >= power.max() * 10 ** (_SOUND / 10)]
    return float(10 * np.log10(max(1e-12, loud.mean())))
