"""Engines without the appliance around them: how long they take, and as a share of speech."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from appliance.audio.format import OUTPUT_RATE
from appliance.bench.recordings import Sentence
from appliance.config.loader import Config
from appliance.engines import Synthesizer, Transcriber, Voice
from appliance.engines.factory import synthesizers, transcribers
from appliance.errors import EngineError
from appliance.hardware import telemetry
from appliance.hardware.plan import Plan
from appliance.timers.scheduler import TimerScheduler
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.registry import ToolRegistry

ROUNDS = 5  # every sentence, after one round that does not count


@dataclass(frozen=True, slots=True)
class TranscriptionTiming:
    """A transcriber: seconds a sentence took, and that as a share of its length (real time)."""

    engine: str
    seconds: tuple[float, ...]
    real_time: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SynthesisTiming:
    """A synthesizer: seconds to the first chunk and to the last, and the latter as a share of
    the audio that was made."""

    engine: str
    first: tuple[float, ...]
    whole: tuple[float, ...]
    real_time: tuple[float, ...]


async def hear(plan: Plan, config: Config, sentences: Sequence[Sentence]) -> TranscriptionTiming:
    """Loads the first transcriber of the plan and measures it. Raises EngineError."""
    ear = await transcribers(plan, config, await grammar(config))[0].load()
    try:
        return await _hear(ear, sentences, config.stt.language)
    finally:
        await ear.close()


async def speak(plan: Plan, config: Config, texts: Sequence[str]) -> SynthesisTiming:
    """Loads the first synthesizer of the plan and measures it. Raises EngineError."""
    mouth = await synthesizers(plan, config)[0].load()
    try:
        return await _speak(mouth, texts, config)
    finally:
        await mouth.close()


async def _hear(
    engine: Transcriber, sentences: Sequence[Sentence], language: str
) -> TranscriptionTiming:
    seconds, shares = [], []
    for number in range(ROUNDS + 1):
        for sentence in sentences:
            begin = time.perf_counter()
            await engine.transcribe(sentence.pcm, language)
            taken = time.perf_counter() - begin
            if number:
                seconds.append(taken)
                shares.append(taken / sentence.seconds)
    return TranscriptionTiming(engine.name, tuple(seconds), tuple(shares))


async def _speak(engine: Synthesizer, texts: Sequence[str], config: Config) -> SynthesisTiming:
    voice = Voice(config.tts.voice, config.stt.language, config.tts.speed)
    # With another ending every time: what was spoken before comes out of the engine's cache.
    rounds = [[f"{text} {number}" for text in texts] for number in range(ROUNDS + 1)]
    measured = [await _say(engine, said, voice) for said in chain.from_iterable(rounds)]
    counted = measured[len(texts) :]
    firsts, wholes, shares = zip(*counted, strict=True)
    return SynthesisTiming(engine.name, firsts, wholes, shares)


async def _say(engine: Synthesizer, text: str, voice: Voice) -> tuple[float, float, float]:
    begin, first, size = time.perf_counter(), 0.0, 0
    async for pcm in engine.synthesize(text, voice):
        first = first or time.perf_counter() - begin
        size += len(pcm)
    whole = time.perf_counter() - begin
    if not size:
        raise EngineError(f"{engine.name} made no audio of {text!r}")
    return first, whole, whole / (size / 2 / OUTPUT_RATE)


async def grammar(config: Config) -> str:
    """What the starter engine listens for in the appliance itself; its size decides its speed."""
    from appliance.engines.sphinx.engine import Sphinx

    known = await Sphinx.known_words()
    timers = TimerScheduler(time.time, lambda timer: None)
    tools = builtin_tools(datetime.now, timers, telemetry.read, patterns=config.tools.enabled)
    return str(ToolRegistry(tools).graph(known.__contains__).fsg())
