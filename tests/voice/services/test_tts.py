"""Who cannot speak apologises all the same, in the voice of better times."""

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


class Mouth:
    """Says one sample a letter, until it is broken."""

    voices = ("",)

    def __init__(self, name: str, *, broken: bool = False) -> None:
        self.name, self.broken = name, broken

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        if self.broken:
            raise EngineFailed(f"{self.name} is broken")
        yield b"\1\0" * len(text)


class Engines:
    """Both fail, one after the other."""

    def __init__(self, *mouths: Mouth) -> None:
        self.mouths = list(mouths)

    @property
    def current(self) -> Mouth:
        return self.mouths[0]

    def report_failure(self, engine: Mouth, _error: EngineError) -> bool:
        if len(self.mouths) > 1 and self.mouths[0] is engine:
            self.mouths.pop(0)
            return True
        return False


async def _apology() -> Apology:
    apology = Apology()
    mouth: Any = Mouth("best")
    await apology.speak(mouth, Voice())
    return apology


def _service(engines: Engines, apology: Apology) -> Any:  # noqa: ANN401  its inner state is looked at
    given: Any = engines
    tts: Any = EngineTTS(given, Voice, EngineLatency(), apology)
    tts.heard = []

    async def heard(words: list[tuple[str, float]], _context_id: str) -> None:
        tts.heard += [word for word, _ in words]

    tts.add_word_timestamps = heard
    return tts


async def _said(tts: Any, text: str, context_id: str) -> tuple[bytes, int]:  # noqa: ANN401
    """The sound of a text, and how many errors were told."""
    frames = [frame async for frame in tts.run_tts(text, context_id)]
    sound = b"".join(frame.audio for frame in frames if isinstance(frame, TTSAudioRawFrame))
    return sound, sum(isinstance(frame, ErrorFrame) for frame in frames)


async def test_the_next_voice_says_it_where_one_fails() -> None:
    tts = _service(Engines(Mouth("best", broken=True), Mouth("starter")), await _apology())
    assert await _said(tts, "Hello there.", "a") == (b"\1\0" * 12, 0)
    assert tts.heard == ["Hello", "there."]


class Patient(Mouth):
    """Speaks when it is told to."""

    def __init__(self) -> None:
        super().__init__("patient")
        self.asked, self.may_speak = asyncio.Event(), asyncio.Event()
        self.gave_up = asyncio.Event()

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        self.asked.set()
        try:
            await self.may_speak.wait()
        except asyncio.CancelledError:
            self.gave_up.set()
            raise
        yield b"\1\0" * len(text)


async def test_what_comes_out_of_memory_does_not_make_a_voice_quick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mouth = Patient()
    tts = _service(Engines(mouth), Apology())
    tts.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    clock: Any = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(speaking, "time", clock)
    tts.prepare("Hello there.")
    await mouth.asked.wait()
    clock.now = 60.0
    mouth.may_speak.set()
    assert await _said(tts, "Hello there.", "a") == (b"\1\0" * 12, 0)
    assert not tts.is_quick()


async def test_who_leaves_waits_for_no_voice() -> None:
    mouth = Patient()
    tts = _service(Engines(mouth), Apology())
    tts.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    tts.prepare("Hello there.")
    await mouth.asked.wait()
    await tts.cleanup()
    async with asyncio.timeout(10):
        await mouth.gave_up.wait()


async def test_where_no_voice_is_left_the_apology_is_heard_once_an_answer() -> None:
    apology = await _apology()
    assert len(apology.pcm) == 2 * len(SPEECHLESS)
    tts = _service(Engines(Mouth("best", broken=True), Mouth("starter", broken=True)), apology)
    assert await _said(tts, "It is noon.", "a") == (apology.pcm, 1)
    # What was heard is the apology, and neither the answer nor the rest of it.
    assert tts.heard == SPEECHLESS.split()
    assert await _said(tts, "And sunny.", "a") == (b"", 1)
    assert tts.heard == SPEECHLESS.split()
    assert (await _said(tts, "Hello.", "b"))[0] == apology.pcm


async def test_the_best_voice_that_there_was_apologises() -> None:
    apology = Apology()
    broken: Any = Mouth("starter", broken=True)
    await apology.speak(broken, Voice())
    assert apology.pcm == b""
    best: Any = Mouth("best")
    await apology.speak(best, Voice())
    kept = apology.pcm
    await apology.speak(broken, Voice())
    assert apology.pcm is kept
    assert len(kept) / 2 / OUTPUT_RATE > 0
