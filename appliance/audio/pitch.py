"""Detects pitch, which speech has and breath, wind and hiss have not. Pure."""

from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import INPUT_RATE

if TYPE_CHECKING:
    import numpy as np

_FRAME, _HOP = 640, 320
"""Samples: 40 ms, two periods of the deepest voice; a frame every 20 ms."""
_SHORTEST_PERIOD, _LONGEST_PERIOD = INPUT_RATE // 400, INPUT_RATE // 75
"""Samples: voices from 75 to 400 Hz. Small children are higher, but their overtones repeat too."""
_CUTOFF: Final = 1500
"""Hz; the strong overtones of a voice lie below, most of a room's noise above."""
_PERIODICITY: Final = 0.5
"""Autocorrelation after one period; 1 is an exact repetition. A voice in equally loud noise reaches
it; five seconds of noise reach it in one of a hundred cases."""
_FEWEST_FRAMES: Final = 3
"""In a row: the shortest vowel. Noise is not periodic three times in a row."""
_QUIETEST: Final = 10 ** (-60 / 20)
"""Root mean square; quieter frames are not considered."""


def voiced(audio: bytes) -> bool:
    """Whether at least 80 ms of `audio` (16 kHz PCM) are periodic. Takes 2 ms for 5 s."""
    import numpy as np  # here, because importing a module loads nothing heavy

    samples = np.frombuffer(audio, "<i2", len(audio) // 2).astype(np.float32) / 32768
    if samples.size < _FRAME:
        return False
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    size = 2 * _FRAME
    spectrum = np.fft.rfft(frames, size)
    spectrum[:, _CUTOFF * size // INPUT_RATE :] = 0
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, size)[:, : _LONGEST_PERIOD + 1]
    energy = correlation[:, :1]
    # The longer the lag, the smaller the overlap of the frame with itself.
    overlap = 1 - np.arange(_LONGEST_PERIOD + 1) / _FRAME
    ratio = correlation / np.maximum(energy, 1e-12) / overlap
    loud = energy[:, 0] / _FRAME > _QUIETEST**2
    periodic = loud & (_highest_peak(ratio) > _PERIODICITY)
    run = np.convolve(periodic, np.ones(_FEWEST_FRAMES), "valid")
    return bool((run >= _FEWEST_FRAMES).any())


def _highest_peak(ratio: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """The highest local maximum of the autocorrelation in each frame.

    The autocorrelation of dull noise falls steadily from lag 0; that of a voice has a second peak.
    """
    import numpy as np

    lags = ratio[:, _SHORTEST_PERIOD - 1 :]
    middle = lags[:, 1:-1]
    peak = (middle > lags[:, :-2]) & (middle >= lags[:, 2:])
    best: np.ndarray[Any, Any] = np.where(peak, middle, 0).max(axis=1)
    return best
