"""Is it speech that came out? Loudness and length of audio. Pure, but for resampling."""

from dataclasses import dataclass

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE

AUDIBLE = 1000  # of 32767: the peak of a very quiet voice
# Seconds for each character of a text, from a hurried voice to a slow one.
FASTEST, SLOWEST = 0.02, 0.35


@dataclass(frozen=True, slots=True)
class Sound:
    """`peak` is of 32767."""

    seconds: float
    peak: int

    def fault(self, text: str) -> str:
        """Why this cannot be `text` spoken, in words; empty where it may be."""
        if not self.seconds:
            return "no sound came at all"
        if self.peak < AUDIBLE:
            return f"{self.seconds:.1f} s of silence came"
        if not FASTEST * len(text) <= self.seconds <= SLOWEST * len(text) + 1.0:
            return f"{self.seconds:.1f} s are no plausible length for {len(text)} letters"
        return ""


def measured(pcm: bytes, rate: int = OUTPUT_RATE) -> Sound:
    samples = memoryview(pcm[: len(pcm) // 2 * 2]).cast("h")
    peak = max(abs(max(samples, default=0)), abs(min(samples, default=0)))
    return Sound(len(samples) / rate, peak)


def for_a_microphone(pcm: bytes) -> bytes:
    """What an engine said (24 kHz) as a microphone would hear it (16 kHz)."""
    import numpy as np  # here, because importing the package loads nothing heavy
    import soxr

    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    heard = soxr.resample(samples, OUTPUT_RATE, INPUT_RATE)
    return bytes(np.rint(np.clip(heard, -32768, 32767)).astype("<i2").tobytes())
