"""Measures engines without the appliance around them: latency and real-time factor."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from appliance.audio.format import OUTPUT_RATE
from appliance.bench.recordings import Recording
from appliance.config.loader import Config
from appliance.engines import Synthesizer, Transcriber, Voice
from appliance.engines.factory import first_voice, synthesizer_loaders, transcriber_loaders
from appliance.errors import EngineError
from appliance.hardware import telemetry
from appliance.hardware.plan import Plan
from appliance.timers.scheduler import TimerScheduler
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.registry import ToolRegistry

ROUNDS = 5  # of all sentences, after a warm-up round


@dataclass(frozen=True, slots=True)
class TranscriptionTiming:
    """Measured transcriptions: seconds each took, and its real-time factor."""

    engine: str
    seconds: tuple[float, ...]
    real_time: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SynthesisTiming:
    """Measured syntheses: seconds to the first and the last chunk, and the real-time factor."""

    engine: str
    first: tuple[float, ...]
    whole: tuple[float, ...]
    real_time: tuple[float, ...]


async def measure_stt(
    plan: Plan, config: Config, recordings: Sequence[Recording]
) -> TranscriptionTiming:
    """Loads the first transcriber of the plan and measures it. Raises EngineError."""
    engine = await transcriber_loaders(plan, config, await grammar(config))[0].load()
    try:
        return await _transcribe_all(engine, recordings, config.stt.language)
    finally:
        await engine.close()


async def measure_tts(plan: Plan, config: Config, texts: Sequence[str]) -> SynthesisTiming:
    """Loads the first synthesizer of the plan and measures it. Raises EngineError."""
    engine = await synthesizer_loaders(plan, config)[0].load()
    try:
        return await _synthesize_all(engine, texts, config)
    finally:
        await engine.close()


async def _transcribe_all(
    engine: Transcriber, recordings: Sequence[Recording], language: str
) -> TranscriptionTiming:
    seconds, factors = [], []
    for number in range(ROUNDS + 1):
        for recording in recordings:
            begin = time.perf_counter()
            await engine.transcribe(recording.pcm, language)
            taken = time.perf_counter() - begin
            if number:
                seconds.append(taken)
                factors.append(taken / recording.seconds)
    return TranscriptionTiming(engine.name, tuple(seconds), tuple(factors))


async def _synthesize_all(
    engine: Synthesizer, texts: Sequence[str], config: Config
) -> SynthesisTiming:
    voice = first_voice(config)
    # Each round has an ending of its own: an engine caches the phrases that it has spoken.
    rounds = [[f"{text} {number}" for text in texts] for number in range(ROUNDS + 1)]
    measured = [await _synthesize(engine, text, voice) for text in chain.from_iterable(rounds)]
    counted = measured[len(texts) :]
    firsts, wholes, factors = zip(*counted, strict=True)
    return SynthesisTiming(engine.name, firsts, wholes, factors)


async def _synthesize(engine: Synthesizer, text: str, voice: Voice) -> tuple[float, float, float]:
    """Seconds to the first and the last chunk, and the real-time factor."""
    begin, first, size = time.perf_counter(), 0.0, 0
    async for pcm in engine.synthesize(text, voice):
        first = first or time.perf_counter() - begin
        size += len(pcm)
    whole = time.perf_counter() - begin
    if not size:
        raise EngineError(f"{engine.name} made no audio of {text!r}")
    return first, whole, whole / (size / 2 / OUTPUT_RATE)


def command_registry(config: Config) -> ToolRegistry:
    """The spoken commands of the appliance's own tools."""
    timers = TimerScheduler(time.time, lambda timer: None)
    tools = builtin_tools(datetime.now, timers, telemetry.read, patterns=config.tools.enabled)
    return ToolRegistry(tools)


async def grammar(config: Config) -> str:
    """The grammar of the starter engine in the appliance; its size decides the engine's speed."""
    from appliance.engines.sphinx.engine import Sphinx

    known = await Sphinx.known_words()
    return str(command_registry(config).graph(known.__contains__).fsg())
