"""Levels the loudness of chunks that were synthesised separately. Pure."""

import math
from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import OUTPUT_RATE

if TYPE_CHECKING:
    import numpy as np

_TARGET_LEVEL: Final = -20.0
"""dBFS, root mean square of the frames with sound; the level of the starter engine."""
_MOST_GAIN: Final = 6.0
"""dB up or down. Chunks differ by less; a larger difference is intended, or is no speech."""
_SOUND_LEVEL: Final = -25.0
"""dB relative to the loudest frame; quieter frames are pauses and do not count."""
_QUIETEST: Final = -50.0
"""dBFS; quieter chunks are breath or silence, and are not amplified."""
_HIGHEST_PEAK: Final = 0.97
"""Of full scale; the rest is headroom for resampling."""
_FRAME: Final = OUTPUT_RATE // 50


def levelled(samples: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """`samples` (full scale 1) at the target loudness, by one gain for all of them."""
    return samples * gain(samples)


def gain(samples: "np.ndarray[Any, Any]") -> float:
    """The factor that brings the samples near the target loudness without clipping."""
    factor = gain_for(speech_level(samples))
    peak = float(abs(samples).max()) if samples.size else 0.0
    return min(factor, max(1.0, _HIGHEST_PEAK / peak)) if peak else factor


def gain_for(level: float) -> float:
    """The factor for speech of a known `level` in dBFS, whatever its peaks."""
    if level < _QUIETEST:
        return 1.0
    decibels = max(-_MOST_GAIN, min(_MOST_GAIN, _TARGET_LEVEL - level))
    return math.pow(10, decibels / 20)


def speech_level(samples: "np.ndarray[Any, Any]") -> float:
    """Root mean square of the frames with sound, in dBFS."""
    import numpy as np  # here, because importing a module loads nothing heavy

    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    power = np.mean(np.square(frames), axis=1) if frames.size else np.zeros(1)
    loud = power[power >= power.max() * 10 ** (_SOUND_LEVEL / 10)]
    return float(10 * np.log10(max(1e-12, loud.mean())))
