"""Probes an engine with one request: its result, and the time that it took."""

import time
from dataclasses import dataclass

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.engines import Synthesizer, Transcriber, Voice


@dataclass(frozen=True, slots=True)
class TranscriptionProbe:
    """`real_time_factor` is the time taken as a share of the recording's length."""

    engine: str
    text: str
    seconds: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class SynthesisProbe:
    """`pcm` is at OUTPUT_RATE. `real_time_factor` is the time taken as a share of its length, and
    infinite where there is no sound."""

    engine: str
    pcm: bytes
    seconds: float
    real_time_factor: float


async def transcribe(engine: Transcriber, pcm: bytes, language: str) -> TranscriptionProbe:
    """Transcribes a recording (PCM at INPUT_RATE). Raises EngineFailed."""
    begin = time.perf_counter()
    transcript = await engine.transcribe(pcm, language)
    seconds = time.perf_counter() - begin
    length = len(pcm) / 2 / INPUT_RATE
    return TranscriptionProbe(engine.name, transcript.text, seconds, seconds / max(length, 0.1))


async def synthesize(engine: Synthesizer, text: str, voice: Voice) -> SynthesisProbe:
    """Speaks a text to the end. Raises EngineFailed."""
    begin = time.perf_counter()
    pcm = b"".join([chunk async for chunk in engine.synthesize(text, voice)])
    seconds = time.perf_counter() - begin
    length = len(pcm) / 2 / OUTPUT_RATE
    return SynthesisProbe(engine.name, pcm, seconds, seconds / length if length else float("inf"))
