"""Does anything in this sound have a pitch? Speech does; breath, wind and hiss do not. Pure."""

from typing import TYPE_CHECKING, Any, Final

from appliance.audio.format import INPUT_RATE

if TYPE_CHECKING:
    import numpy as np

_FRAME, _HOP = 640, 320
"""Samples: 40 ms holds two periods of the deepest voice; every 20 ms."""
_SHORTEST_PERIOD, _LONGEST_PERIOD = INPUT_RATE // 400, INPUT_RATE // 75
"""Samples: voices of 75 to 400 Hz, small children apart, whose overtones repeat as well."""
_HIGHEST: Final = 1500
"""Hz; the strong overtones of a voice lie below, most of a room's noise above."""
_ALIKE: Final = 0.5
"""How far a frame repeats itself after one period, 1 being exactly. A voice in as much noise as
voice still reaches it; five seconds of noise reach it once in a hundred times."""
_FRAMES_TOGETHER: Final = 3
"""The shortest vowel; chance does not do it three times in a row."""
_QUIETEST: Final = 10 ** (-60 / 20)


def voiced(audio: bytes) -> bool:
    """Whether some 80 ms of it (16 kHz PCM) repeat as the vocal folds do. 2 ms for 5 s."""
    import numpy as np  # here, because importing the package loads nothing heavy

    samples = np.frombuffer(audio, "<i2", len(audio) // 2).astype(np.float32) / 32768
    if samples.size < _FRAME:
        return False
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    size = 2 * _FRAME
    spectrum = np.fft.rfft(frames, size)
    spectrum[:, _HIGHEST * size // INPUT_RATE :] = 0
    alike = np.fft.irfft(np.abs(spectrum) ** 2, size)[:, : _LONGEST_PERIOD + 1]
    energy = alike[:, :1]
    # The longer the period, the less of the frame is left to compare.
    overlap = 1 - np.arange(_LONGEST_PERIOD + 1) / _FRAME
    ratio = alike / np.maximum(energy, 1e-12) / overlap
    loud = energy[:, 0] / _FRAME > _QUIETEST**2
    periodic = loud & (_highest_peak(ratio) > _ALIKE)
    run = np.convolve(periodic, np.ones(_FRAMES_TOGETHER), "valid")
    return bool((run >= _FRAMES_TOGETHER).any())


def _highest_peak(ratio: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Per frame, the highest local maximum among the periods; a slope down from 0 is none.

    Dull noise resembles itself a moment later too, but ever less; a voice does so again.
    """
    import numpy as np

    lags = ratio[:, _SHORTEST_PERIOD - 1 :]
    middle = lags[:, 1:-1]
    peak = (middle > lags[:, :-2]) & (middle >= lags[:, 2:])
    best: np.ndarray[Any, Any] = np.where(peak, middle, 0).max(axis=1)
    return best
