"""One engine tried once: what it heard or said, and how long that took."""

import time
from dataclasses import dataclass

from appliance.engines import INPUT_RATE, OUTPUT_RATE, Synthesizer, Transcriber, Voice


@dataclass(frozen=True, slots=True)
class Heard:
    """`share` is the time taken as a share of the recording's length (1: as long as that)."""

    engine: str
    text: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Said:
    """`pcm` as engines make it; `share` as in Heard, infinite where no sound came."""

    engine: str
    pcm: bytes
    seconds: float
    share: float


async def hear(engine: Transcriber, pcm: bytes, language: str) -> Heard:
    """Transcribes a recording. Raises EngineFailed."""
    begin = time.perf_counter()
    transcript = await engine.transcribe(pcm, language)
    seconds = time.perf_counter() - begin
    length = len(pcm) / 2 / INPUT_RATE
    return Heard(engine.name, transcript.text, seconds, seconds / max(length, 0.1))


async def say(engine: Synthesizer, text: str, voice: Voice) -> Said:
    """Speaks a text to the end. Raises EngineFailed."""
    begin = time.perf_counter()
    pcm = b"".join([chunk async for chunk in engine.synthesize(text, voice)])
    seconds = time.perf_counter() - begin
    length = len(pcm) / 2 / OUTPUT_RATE
    return Said(engine.name, pcm, seconds, seconds / length if length else float("inf"))
