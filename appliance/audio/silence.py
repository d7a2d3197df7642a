"""When a speaker falls silent, told by loudness alone. Pure.

A voice detector is sure of silence some 70 ms after a voice has ended, because it must not be
fooled by a soft syllable. Loudness tells at once, and may be wrong: so it only ever decides what
is prepared, never what is done.
"""

import math
from dataclasses import dataclass

import numpy as np

BLOCK_SECONDS = 0.005  # of a low voice half a period, which is never as soft as silence
# Below this share of the loudest of late, a block is silence (-30 dB: softer than an "f")...
QUIET_SHARE = 0.03
# ... or below this many times the noise of the room, where that is louder; a noise nearly as
# loud as the voice tells nothing.
ABOVE_NOISE = 2.0
MOST_SHARE = 0.25
# The loudest of late fades to half in 1.4 s. The noise is what does not go away: it is believed
# lower at once and higher only slowly, so that the onset of a word is not taken for it.
FADING = 0.9975
NOISE_RISE = 1.01


@dataclass(slots=True)
class SilenceDetector:
    """How long it has been quiet, in milliseconds of audio. 16 bit mono PCM at `rate`."""

    rate: int
    milliseconds: float = 0.0
    _loudest: float = 0.0
    _noise: float = 0.0

    def hear(self, pcm: bytes, *, speaking: bool) -> float:
        """Takes the next audio; `speaking` is whether it belongs to an utterance."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float32)
        if not len(samples):
            return self.milliseconds
        size = int(self.rate * BLOCK_SECONDS)
        if not speaking:
            level = math.sqrt(np.dot(samples, samples) / len(samples))
            return self._noises(level, len(samples) / size)
        whole = len(samples) // size * size
        blocks = samples[:whole].reshape(-1, size)
        for energy in np.einsum("ij,ij->i", blocks, blocks).tolist():
            self._block(energy, size)
        if len(rest := samples[whole:]):
            self._block(float(np.dot(rest, rest)), len(rest))
        return self.milliseconds

    def _noises(self, level: float, blocks: float) -> float:
        """Of a room in which nobody speaks; that is no pause."""
        self.milliseconds = 0.0
        self._noise = min(level, NOISE_RISE**blocks * self._noise + 0.5 * blocks)
        self._loudest *= FADING**blocks
        return self.milliseconds

    def _block(self, energy: float, samples: int) -> None:
        level = math.sqrt(energy / samples)
        self._loudest = max(self._loudest * FADING, level)
        silence = max(QUIET_SHARE * self._loudest, ABOVE_NOISE * self._noise)
        if level <= min(silence, MOST_SHARE * self._loudest):
            self.milliseconds += 1000 * samples / self.rate
        else:
            self.milliseconds = 0.0
