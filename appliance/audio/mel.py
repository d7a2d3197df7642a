"""What smart-turn is shown of speech: Whisper's features of the last eight seconds.

The same numbers as Pipecat's own, in a quarter of the time: what is not there yet is not computed
(the silence before a short sentence looks the same in every frame), and the rest in single
precision.
"""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from pipecat.audio.turn.smart_turn import _whisper_features as whisper

from appliance.audio.format import INPUT_RATE

SAMPLES = 8 * INPUT_RATE
FRAME, HOP = 400, 160
FLOOR = 1e-10
VARIANCE_FLOOR = 1e-7
RANGE = 8.0  # of the logarithms: what is softer than the loudest by more is cut off

Array = npt.NDArray[np.float32]

_WINDOW: Array = whisper._HANN_WINDOW.astype(np.float32)
_FILTERS: Array = np.ascontiguousarray(whisper._MEL_FILTERS, dtype=np.float32)


def features(audio: Array) -> Array:
    """80 x 800 log-mel features of at most 128,000 samples at 16 kHz; what is missing is silence
    before them."""
    audio = audio[-SAMPLES:].astype(np.float32, copy=False)
    mean = float(audio.sum()) / SAMPLES
    variance = float(np.dot(audio, audio)) / SAMPLES - mean * mean
    scale = np.float32(1 / np.sqrt(max(variance, 0.0) + VARIANCE_FLOOR))
    # A frame is centred on its sample; those before the first that touches speech are all alike,
    # and one of them is enough.
    silent = max(0, (SAMPLES - len(audio) - FRAME // 2) // HOP)
    before = np.zeros(SAMPLES - silent * HOP - len(audio), dtype=np.float32)
    shown = (np.concatenate((before, audio)) - np.float32(mean)) * scale
    # Mirrored at both ends, as far as half a frame reaches.
    mirrored = np.pad(shown, FRAME // 2, mode="reflect")
    frames = sliding_window_view(mirrored, FRAME)[::HOP][: 800 - silent]
    spectrum = np.fft.rfft(frames * _WINDOW)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log10(np.maximum(power @ _FILTERS, FLOOR))
    logs = (np.maximum(logs, logs.max() - RANGE) + 4) / 4
    shape = np.empty((80, 800), dtype=np.float32)
    shape[:, silent:] = logs.T
    shape[:, :silent] = logs[:1].T
    return shape
