"""Detects by loudness that a speaker has fallen silent. Pure.

The VAD reports silence some 70 ms after the end of a voice, so as not to mistake a soft syllable.
Loudness shows it at once, but less reliably; therefore it only triggers work ahead, no decision.
"""

import math
from dataclasses import dataclass

import numpy as np

BLOCK_SECONDS = 0.005  # half a period of a low voice, which is never as quiet as silence
# A block is silent below this share of the recent loudest (-30 dB: softer than an "f") ...
QUIET_SHARE = 0.03
# ... or below this multiple of the room's noise if that is higher, but never above MOST_SHARE: with
# noise nearly as loud as the voice there is no telling.
ABOVE_NOISE = 2.0
MOST_SHARE = 0.25
# The recent loudest decays to half in 1.4 s. The noise estimate falls at once and rises slowly, so
# that the onset of a word does not raise it.
FADING = 0.9975
NOISE_RISE = 1.01


@dataclass(slots=True)
class SilenceDetector:
    """Counts the `milliseconds` of silence at the end of 16 bit mono PCM at `rate`."""

    rate: int
    milliseconds: float = 0.0
    _loudest: float = 0.0
    _noise: float = 0.0

    def hear(self, pcm: bytes, *, speaking: bool) -> float:
        """Takes the next audio; `speaking`: it belongs to an utterance. Returns `milliseconds`."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float32)
        if not len(samples):
            return self.milliseconds
        # Some microphones have an offset, which would be louder than silence.
        samples -= samples.mean()
        size = int(self.rate * BLOCK_SECONDS)
        if not speaking:
            level = math.sqrt(np.dot(samples, samples) / len(samples))
            return self._update_noise(level, len(samples) / size)
        whole = len(samples) // size * size
        blocks = samples[:whole].reshape(-1, size)
        for energy in np.einsum("ij,ij->i", blocks, blocks).tolist():
            self._update_block(energy, size)
        if len(rest := samples[whole:]):
            self._update_block(float(np.dot(rest, rest)), len(rest))
        return self.milliseconds

    def _update_noise(self, level: float, blocks: float) -> float:
        """Takes audio of a room in which nobody speaks; that is no pause."""
        self.milliseconds = 0.0
        self._noise = min(level, NOISE_RISE**blocks * self._noise + 0.5 * blocks)
        self._loudest *= FADING**blocks
        return self.milliseconds

    def _update_block(self, energy: float, samples: int) -> None:
        level = math.sqrt(energy / samples)
        self._loudest = max(self._loudest * FADING, level)
        silence = max(QUIET_SHARE * self._loudest, ABOVE_NOISE * self._noise)
        if level <= min(silence, MOST_SHARE * self._loudest):
            self.milliseconds += 1000 * samples / self.rate
        else:
            self.milliseconds = 0.0
