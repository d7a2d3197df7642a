"""Measures audio from an engine: is it long and loud enough to be the text it should be?"""

from dataclasses import dataclass

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE

MIN_PEAK = 1000  # of 32767: the peak of a very quiet voice
# Seconds of speech for each character of a text, from a hurried voice to a slow one.
MIN_SECONDS_PER_CHARACTER, MAX_SECONDS_PER_CHARACTER = 0.02, 0.35


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """Length and loudness of a piece of audio; `peak` is of 32767."""

    seconds: float
    peak: int

    def fault(self, text: str) -> str:
        """The reason why this audio cannot be `text` spoken; empty where it may be."""
        if not self.seconds:
            return "no sound came at all"
        if self.peak < MIN_PEAK:
            return f"{self.seconds:.1f} s of silence came"
        shortest = MIN_SECONDS_PER_CHARACTER * len(text)
        longest = MAX_SECONDS_PER_CHARACTER * len(text) + 1.0
        if not shortest <= self.seconds <= longest:
            return f"{self.seconds:.1f} s are no plausible length for {len(text)} letters"
        return ""


def measure(pcm: bytes, rate: int = OUTPUT_RATE) -> AudioLevel:
    """Measures 16-bit mono PCM; an incomplete last sample is left out."""
    samples = memoryview(pcm[: len(pcm) // 2 * 2]).cast("h")
    peak = max(abs(max(samples, default=0)), abs(min(samples, default=0)))
    return AudioLevel(len(samples) / rate, peak)


def resample_to_input(pcm: bytes) -> bytes:
    """Converts an engine's speech (24 kHz) to what a microphone delivers (16 kHz)."""
    import numpy as np  # here, because importing the package loads nothing heavy
    import soxr

    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    resampled = soxr.resample(samples, OUTPUT_RATE, INPUT_RATE)
    return bytes(np.rint(np.clip(resampled, -32768, 32767)).astype("<i2").tobytes())
