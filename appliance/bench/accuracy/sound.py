"""Noise, music, rooms and telephones from a seed, and clean speech put into them. Pure.

Signals are float samples of 16 kHz, full scale 1. This module needs numpy and is imported late.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from appliance.audio.format import INPUT_RATE

Signal: TypeAlias = npt.NDArray[np.float32]

MUSIC_DB: Final = 10.0
BABBLE_DB: Final = 10.0
"""Signal to noise ratio of speech over music, and over other speakers."""
_REVERBERATION_SECONDS: Final = 0.5
"""Until an echo has fallen by 60 dB: a living room with carpets."""
_DIRECT_TO_ECHO_DB: Final = 3.0
_TELEPHONE_BAND: Final = (300.0, 3400.0)
_MU: Final = 255.0
_VOICED_SHARE: Final = 0.01
"""-40 dB: a softer sample is not speech."""
_AROUND: Final = INPUT_RATE // 100


def pcm_signal(pcm: bytes) -> Signal:
    """The samples of 16 bit PCM."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def signal_pcm(signal: Signal) -> bytes:
    """16 bit PCM; what exceeds full scale is clipped."""
    return bytes(np.rint(np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())


def without_silence(signal: Signal) -> Signal:
    """The signal without the silence before and after it."""
    loud = np.flatnonzero(np.abs(signal) > _VOICED_SHARE * np.abs(signal).max(initial=0.0))
    if not loud.size:
        return signal[:0]
    return signal[max(0, loud[0] - _AROUND) : loud[-1] + _AROUND]


def in_condition(
    speech: Signal, condition: str, others: Sequence[Signal], chance: np.random.Generator
) -> Signal:
    """Speech with silence around it, put into a condition. `others` speak in the babble."""
    if condition.startswith("noise-"):
        decibels = float(condition.removeprefix("noise-"))
        return speech + scaled(pink_noise(len(speech), chance), speech, decibels)
    if condition == "music":
        return speech + scaled(music(len(speech), chance), speech, MUSIC_DB)
    if condition == "babble" and others:
        return speech + scaled(babble(len(speech), others, chance), speech, BABBLE_DB)
    if condition == "room":
        return room(speech, chance)
    return telephone(speech) if condition == "telephone" else speech


def scaled(noise: Signal, speech: Signal, decibels: float) -> Signal:
    """The noise, so that speech is `decibels` louder than it while somebody speaks."""
    voiced = speech[np.abs(speech) > _VOICED_SHARE * np.abs(speech).max(initial=0.0)]
    level = _root_mean_square(voiced) * 10 ** (-decibels / 20)
    scaled: Signal = noise * np.float32(level / max(1e-9, _root_mean_square(noise)))
    return scaled


def pink_noise(samples: int, chance: np.random.Generator) -> Signal:
    """Noise with as much power in every octave, as rooms and streets have it."""
    return _filtered(_white(samples, chance), lambda hertz: 1 / np.sqrt(np.maximum(hertz, 20.0)))


def music(samples: int, chance: np.random.Generator) -> Signal:
    """Chords of plucked notes in one key, with a beat."""
    found = np.zeros(samples, np.float32)
    steps = np.array([0, 2, 4, 5, 7, 9, 11])
    step, root = int(0.35 * INPUT_RATE), chance.uniform(110, 196)
    for start in range(0, samples, step):
        time = np.arange(min(3 * step, samples - start)) / INPUT_RATE
        for degree in chance.choice(7, 3, replace=False):
            pitch = root * 2 ** ((steps[degree] + 12 * chance.integers(0, 2)) / 12)
            note = sum(
                np.sin(2 * np.pi * pitch * harmonic * time) / harmonic**1.5
                for harmonic in range(1, 6)
            )
            found[start : start + len(time)] += note * np.exp(-time / 0.4)
        beat = _white(len(time), chance) * np.exp(-time / 0.02)
        found[start : start + len(time)] += 2 * beat
    return found


def babble(samples: int, others: Sequence[Signal], chance: np.random.Generator) -> Signal:
    """Other people speaking at once, each from another place of what they say."""
    found = np.zeros(samples, np.float32)
    for other in others:
        begin = int(chance.integers(len(other)))
        found += np.resize(np.roll(other, begin), samples)
    return found


def room(speech: Signal, chance: np.random.Generator) -> Signal:
    """Speech with the echo of a room."""
    length = int(_REVERBERATION_SECONDS * INPUT_RATE)
    decay = 10 ** (-3 * np.arange(length) / length)
    echo = _white(length, chance) * decay
    echo[: INPUT_RATE // 200] = 0  # the first wall is 1.7 m away
    echo *= 10 ** (-_DIRECT_TO_ECHO_DB / 20) / np.sqrt(np.square(echo).sum())
    size = len(speech) + length
    spectrum = np.fft.rfft(speech, size) * np.fft.rfft(echo, size)
    heard = speech + np.fft.irfft(spectrum, size)[: len(speech)].astype(np.float32)
    return heard / np.float32(max(1.0, np.abs(heard).max(initial=0.0)))


def telephone(speech: Signal) -> Signal:
    """Speech as a telephone passes it on: its band, in 8 bits of the mu-law."""
    low, high = _TELEPHONE_BAND
    band = np.clip(
        _filtered(speech, lambda hertz: ((hertz >= low) & (hertz <= high)).astype(float)), -1, 1
    )
    squeezed = np.sign(band) * np.log1p(_MU * np.abs(band)) / np.log1p(_MU)
    steps = np.rint(squeezed * 127) / 127
    heard = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(_MU)) / _MU
    return np.asarray(heard, np.float32)


def breathing(samples: int, chance: np.random.Generator) -> Signal:
    """Somebody who breathes into the microphone, every three seconds."""
    phase = np.arange(samples) / INPUT_RATE * 2 * np.pi / 3
    breath = _filtered(_white(samples, chance), lambda hertz: np.exp(-(((hertz - 900) / 900) ** 2)))
    return breath * (np.maximum(0, np.sin(phase)) ** 2).astype(np.float32)


def typing(samples: int, chance: np.random.Generator) -> Signal:
    """The clicks of a keyboard."""
    found = np.zeros(samples, np.float32)
    click = np.exp(-np.arange(INPUT_RATE // 50) / (INPUT_RATE / 400)).astype(np.float32)
    for start in chance.integers(0, max(1, samples - len(click)), samples * 6 // INPUT_RATE):
        found[start : start + len(click)] += click * _white(len(click), chance)
    return found


def hum(samples: int, chance: np.random.Generator) -> Signal:
    """The hum of the mains."""
    time, phase = np.arange(samples) / INPUT_RATE, chance.uniform(0, 2 * np.pi)
    tones = (np.sin(2 * np.pi * 50 * k * time + phase) / k for k in range(1, 8))
    return np.asarray(sum(tones), np.float32)


NO_SPEECH: Final[Mapping[str, Callable[[int, np.random.Generator], Signal]]] = {
    "noise": pink_noise,
    "music": music,
    "breathing": breathing,
    "typing": typing,
    "hum": hum,
}
"""Sounds in which nobody says anything."""


def no_speech(name: str, seconds: float, level: float, chance: np.random.Generator) -> Signal:
    """One of NO_SPEECH; `level` is its loudness in dB of full scale (root mean square)."""
    sound = NO_SPEECH[name](int(seconds * INPUT_RATE), chance)
    louder: Signal = sound * np.float32(10 ** (level / 20) / max(1e-9, _root_mean_square(sound)))
    return louder


def _root_mean_square(signal: Signal) -> float:
    return float(np.sqrt(np.square(signal, dtype=np.float64).mean())) if signal.size else 0.0


def _white(samples: int, chance: np.random.Generator) -> Signal:
    return chance.standard_normal(samples).astype(np.float32)


def _filtered(
    signal: Signal, gain: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> Signal:
    """The signal with its frequencies (in Hz) weighted."""
    hertz = np.asarray(np.fft.rfftfreq(len(signal), 1 / INPUT_RATE), np.float64)
    return np.fft.irfft(np.fft.rfft(signal) * gain(hertz), len(signal)).astype(np.float32)
