"""A failing engine is replaced by the next; without any, the recorded apology is heard."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.frames.frames import ErrorFrame, TTSAudioRawFrame
from pipecat.utils.asyncio.task_manager import TaskManager

from appliance.audio.format import OUTPUT_RATE
from appliance.engines import Ticket, Voice
from appliance.engines.apology import SPEECHLESS, Apology
from appliance.errors import EngineError, EngineFailed
from appliance.voice.services import tts as speaking
from appliance.voice.services.engine_latency import EngineLatency
from appliance.voice.services.tts import EngineTTS


class SamplePerLetter:
    """An engine that speaks one sample per letter, unless it is broken."""

    voices = ("",)
    streams = False

    def __init__(self, name: str, *, broken: bool = False) -> None:
        self.name, self.broken = name, broken

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        if self.broken:
            raise EngineFailed(f"{self.name} is broken")
        yield b"\1\0" * len(text)


class Engines:
    """A ladder of engines without the way up."""

    def __init__(self, *ladder: SamplePerLetter) -> None:
        self.ladder = list(ladder)

    @property
    def current(self) -> SamplePerLetter:
        return self.ladder[0]

    def report_failure(self, engine: SamplePerLetter, _error: EngineError) -> bool:
        if len(self.ladder) > 1 and self.ladder[0] is engine:
            self.ladder.pop(0)
            return True
        return False


async def _apology() -> Apology:
    apology = Apology()
    engine: Any = SamplePerLetter("best")
    await apology.speak(engine, Voice())
    return apology


def _service(engines: Engines, apology: Apology) -> Any:  # noqa: ANN401  its inner state is looked at
    given: Any = engines
    tts: Any = EngineTTS(given, Voice, EngineLatency(), apology, reroute=lambda: False)
    tts.heard = []

    async def heard(words: list[tuple[str, float]], _context_id: str) -> None:
        tts.heard += [word for word, _ in words]

    tts.add_word_timestamps = heard
    return tts


async def _speak(tts: Any, text: str, context_id: str) -> tuple[bytes, int]:  # noqa: ANN401
    """The audio of a text, and the number of errors."""
    frames = [frame async for frame in tts.run_tts(text, context_id)]
    audio = b"".join(frame.audio for frame in frames if isinstance(frame, TTSAudioRawFrame))
    return audio, sum(isinstance(frame, ErrorFrame) for frame in frames)


async def test_the_next_engine_speaks_where_one_fails() -> None:
    tts = _service(
        Engines(SamplePerLetter("best", broken=True), SamplePerLetter("starter")), await _apology()
    )
    assert await _speak(tts, "Hello there.", "a") == (b"\1\0" * 12, 0)
    assert tts.heard == ["Hello", "there."]


class FailsMidway(SamplePerLetter):
    """An engine that fails after half of the text."""

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        yield b"\1\0" * (len(text) // 2)
        raise EngineFailed(f"{self.name} is broken")


async def test_an_engine_that_fails_midway_is_replaced_from_the_next_sentence_on() -> None:
    tts = _service(Engines(FailsMidway("best"), SamplePerLetter("starter")), await _apology())
    assert await _speak(tts, "Hello there.", "a") == (b"\1\0" * 6, 1)
    assert await _speak(tts, "Once more.", "a") == (b"\1\0" * 10, 0)


@pytest.mark.parametrize(
    ("engine", "whole"),
    [
        (SamplePerLetter("well"), True),
        (FailsMidway("cut"), False),
        (SamplePerLetter("broken", broken=True), False),
    ],
)
async def test_only_speech_without_a_failure_counts_as_spoken(
    engine: SamplePerLetter, whole: bool
) -> None:
    tts = _service(Engines(engine), await _apology())
    assert not tts._spoken_whole
    await _speak(tts, "Shall I do it?", "a")
    await _speak(tts, "It is for good.", "a")
    assert tts._spoken_whole is whole


class Waiting(SamplePerLetter):
    """An engine that speaks once it may."""

    def __init__(self) -> None:
        super().__init__("waiting")
        self.asked, self.may_speak = asyncio.Event(), asyncio.Event()
        self.cancelled = asyncio.Event()

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        self.asked.set()
        try:
            await self.may_speak.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        yield b"\1\0" * len(text)


async def test_prepared_speech_does_not_count_as_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Waiting()
    tts = _service(Engines(engine), Apology())
    tts.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    clock: Any = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(speaking, "time", clock)
    tts.prepare("Hello there.")
    await engine.asked.wait()
    clock.now = 60.0
    engine.may_speak.set()
    assert await _speak(tts, "Hello there.", "a") == (b"\1\0" * 12, 0)
    assert not tts.speech_cost().is_quick


async def test_cleanup_cancels_prepared_speech() -> None:
    engine = Waiting()
    tts = _service(Engines(engine), Apology())
    tts.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    tts.prepare("Hello there.")
    await engine.asked.wait()
    await tts.cleanup()
    async with asyncio.timeout(10):
        await engine.cancelled.wait()


async def test_without_an_engine_the_apology_is_heard_once_an_answer() -> None:
    apology = await _apology()
    assert len(apology.pcm) == 2 * len(SPEECHLESS)
    tts = _service(
        Engines(SamplePerLetter("best", broken=True), SamplePerLetter("starter", broken=True)),
        apology,
    )
    assert await _speak(tts, "It is noon.", "a") == (apology.pcm, 1)
    # The apology is what was heard, and no word of the answer.
    assert tts.heard == SPEECHLESS.split()
    assert await _speak(tts, "And sunny.", "a") == (b"", 1)
    assert tts.heard == SPEECHLESS.split()
    assert (await _speak(tts, "Hello.", "b"))[0] == apology.pcm


async def test_the_apology_is_recorded_by_the_first_engine_that_speaks() -> None:
    apology = Apology()
    broken: Any = SamplePerLetter("starter", broken=True)
    await apology.speak(broken, Voice())
    assert apology.pcm == b""
    best: Any = SamplePerLetter("best")
    await apology.speak(best, Voice())
    kept = apology.pcm
    await apology.speak(broken, Voice())
    assert apology.pcm is kept
    assert len(kept) / 2 / OUTPUT_RATE > 0


class FromMemory(SamplePerLetter):
    """An engine that has said everything before."""

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        assert ticket is not None
        ticket.from_cache = True
        yield b"\1\0" * OUTPUT_RATE


async def test_each_piece_is_traced_with_its_cost() -> None:
    tts = _service(Engines(SamplePerLetter("best")), await _apology())
    await _speak(tts, "Hello there.", "a")
    [piece] = tts._tracer.current.pieces
    assert (piece.engine, piece.characters, piece.done) == ("best", 12, True)
    assert piece.queued <= piece.first_audio <= piece.ended
    assert not piece.ahead


async def test_a_piece_that_fails_is_traced_as_given_up() -> None:
    tts = _service(Engines(FailsMidway("best"), SamplePerLetter("starter")), await _apology())
    await _speak(tts, "Hello there.", "a")
    assert [piece.done for piece in tts._tracer.current.pieces] == [False]


async def test_a_piece_from_the_cache_does_not_count_for_the_speed_of_the_voice() -> None:
    tts = _service(Engines(FromMemory("cached")), await _apology())
    await _speak(tts, "Hello there.", "a")
    [piece] = tts._tracer.current.pieces
    assert (piece.cached, piece.speech_seconds) == (True, 1.0)
    assert not tts.speech_cost().is_quick
