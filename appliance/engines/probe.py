"""One engine tried once: what it heard or said, and how long that took."""

import time
from dataclasses import dataclass

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.engines import Synthesizer, Transcriber, Voice


@dataclass(frozen=True, slots=True)
class TranscriptionProbe:
    """`share` is the time taken as a share of the recording's length (1: as long as that)."""

    engine: str
    text: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class SynthesisProbe:
    """`pcm` as engines make it; `share` as in Heard, infinite where no sound came."""

    engine: str
    pcm: bytes
    seconds: float
    share: float


async def hear(engine: Transcriber, pcm: bytes, language: str) -> TranscriptionProbe:
    """Transcribes a recording. Raises EngineFailed."""
    begin = time.perf_counter()
    transcript = await engine.transcribe(pcm, language)
    seconds = time.perf_counter() - begin
    length = len(pcm) / 2 / INPUT_RATE
    return TranscriptionProbe(engine.name, transcript.text, seconds, seconds / max(length, 0.1))


async def say(engine: Synthesizer, text: str, voice: Voice) -> SynthesisProbe:
    """Speaks a text to the end. Raises EngineFailed."""
    begin = time.perf_counter()
    pcm = b"".join([chunk async for chunk in engine.synthesize(text, voice)])
    seconds = time.perf_counter() - begin
    length = len(pcm) / 2 / OUTPUT_RATE
    return SynthesisProbe(engine.name, pcm, seconds, seconds / length if length else float("inf"))
