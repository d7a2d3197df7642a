"""Log-mel features of speech, as smart-turn takes them: Whisper's, of the last eight seconds.

The same numbers as Pipecat's own, in a quarter of the time: the silence before a short utterance
looks the same in every frame and is computed once, and everything is in single precision.
"""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from appliance.audio.format import INPUT_RATE

SAMPLES = 8 * INPUT_RATE
FRAME, HOP = 400, 160
BANDS = 80
FRAMES = SAMPLES // HOP
FLOOR = 1e-10
VARIANCE_FLOOR = 1e-7
RANGE = 8.0  # of the logarithms: what is softer than the loudest by more is cut off

# The mel scale of Slaney's Auditory Toolbox: linear up to 1 kHz, logarithmic above it.
HERTZ_PER_MEL = 200 / 3
LOG_FROM_HERTZ, LOG_FROM_MEL = 1000.0, 15.0
LOG_STEP = np.log(6.4) / 27

Array = npt.NDArray[np.float32]


def hann_window() -> Array:
    """The periodic Hann window of one frame."""
    return np.hanning(FRAME + 1)[:-1].astype(np.float32)


def mel_filters() -> Array:
    """The weight of each of the 201 frequencies of a frame in each of the 80 mel bands.

    Triangles, evenly spaced on Slaney's scale between 0 Hz and half the sample rate, each of
    which has the same area.
    """
    top_mel = LOG_FROM_MEL + np.log(INPUT_RATE / 2 / LOG_FROM_HERTZ) / LOG_STEP
    mels = np.linspace(0.0, top_mel, BANDS + 2)
    logarithmic = LOG_FROM_HERTZ * np.exp(LOG_STEP * (mels - LOG_FROM_MEL))
    corners = np.where(mels < LOG_FROM_MEL, HERTZ_PER_MEL * mels, logarithmic)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    hertz = np.linspace(0.0, INPUT_RATE / 2, FRAME // 2 + 1)[:, np.newaxis]
    rising, falling = (hertz - low) / (centre - low), (high - hertz) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.ascontiguousarray(triangles * (2 / (high - low)), dtype=np.float32)


_WINDOW = hann_window()
_FILTERS = mel_filters()


def features(audio: Array) -> Array:
    """80 x 800 log-mel features of audio at 16 kHz, samples between -1 and 1.

    Of more than 128,000 samples the last count; before fewer there is silence.
    """
    audio = audio[-SAMPLES:].astype(np.float32, copy=False)
    mean = float(audio.sum()) / SAMPLES
    variance = float(np.dot(audio, audio)) / SAMPLES - mean * mean
    scale = np.float32(1 / np.sqrt(max(variance, 0.0) + VARIANCE_FLOOR))
    # A frame is centred on its sample. All frames before the first that touches speech are alike:
    # one of them is computed for all.
    silent = max(0, (SAMPLES - len(audio) - FRAME // 2) // HOP)
    before = np.zeros(SAMPLES - silent * HOP - len(audio), dtype=np.float32)
    normalised = (np.concatenate((before, audio)) - np.float32(mean)) * scale
    # Mirrored at both ends, as far as half a frame reaches.
    mirrored = np.pad(normalised, FRAME // 2, mode="reflect")
    frames = sliding_window_view(mirrored, FRAME)[::HOP][: FRAMES - silent]
    spectrum = np.fft.rfft(frames * _WINDOW)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log10(np.maximum(power @ _FILTERS, FLOOR))
    logs = (np.maximum(logs, logs.max() - RANGE) + 4) / 4
    mel = np.empty((BANDS, FRAMES), dtype=np.float32)
    mel[:, silent:] = logs.T
    mel[:, :silent] = logs[:1].T
    return mel
