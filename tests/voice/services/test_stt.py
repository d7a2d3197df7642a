"""What is transcribed ahead belongs to its own stretch of speech, however long the line is."""

import asyncio
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.asyncio.task_manager import TaskManager

from appliance.config.loader import load
from appliance.conversation import Event, OnEvent
from appliance.engines import Ticket, Transcript
from appliance.errors import EngineFailed
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.services.engine_latency import SLOW_MS, EngineLatency
from appliance.voice.services.stt import NOT_HEARD, EngineSTT, Judge


class Ear:
    """Hears the first byte of what it is given."""

    name = "ear"
    supports_interim = False

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        return Transcript(chr(audio[0]))


class Engines:
    current = Ear()

    def report_failure(self, *_: object) -> bool:
        return False


async def _nothing(*_: object, **__: object) -> None:
    return None


def _service(kept: OnEvent = lambda _event: None, language: str = "en") -> Any:  # noqa: ANN401  its inner state is what is driven here
    gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
    recorder = Recorder("c", "s", kept, gauges, dict)
    engines: Any = Engines()
    stt: Any = EngineSTT(engines, recorder, lambda: language, load((), {}).turn, EngineLatency())
    stt._sample_rate = 16_000

    # Pipecat's own, which keeps to itself what a task raises.
    stt.create_task = TaskManager(loop=asyncio.get_running_loop()).create_task
    stt.push_frame = stt.start_processing_metrics = stt.stop_processing_metrics = _nothing
    stt._record_stt_audio_usage = lambda pcm: None
    stt.emit_stt_usage_metrics = _nothing
    return stt


async def _texts(stt: Any) -> list[str]:  # noqa: ANN401  as above
    heard: list[str] = []
    while not stt._segment_queue.empty():
        frame: Frame
        async for frame in stt.run_stt(stt._segment_queue.get_nowait()):
            assert isinstance(frame, TranscriptionFrame)
            assert not frame.interruptible, "an interruption would sweep the words away"
            heard.append(frame.text)
    return heard


async def _speak(stt: Any, word: bytes) -> None:  # noqa: ANN401  as above
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += word * 3_200
    stt.pause(SLOW_MS)
    await stt._handle_user_stopped_speaking(VADUserStoppedSpeakingFrame(stop_secs=0.2))


async def test_segments_that_wait_keep_what_was_heard_of_each() -> None:
    stt = _service()
    await _speak(stt, b"a")
    await _speak(stt, b"b")
    assert await _texts(stt) == ["a", "b"]


async def test_a_pause_after_a_cut_does_not_answer_for_what_was_cut() -> None:
    stt = _service()
    stt._claims.append(None)
    stt._segment_queue.put_nowait(b"a" * 3_200)
    await _speak(stt, b"b")
    assert await _texts(stt) == ["a", "b"]


async def test_going_on_gives_up_what_was_transcribed_ahead() -> None:
    stt = _service()
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += b"x" * 3_200
    stt.pause(SLOW_MS)
    stt.resume()
    stt._audio_buffer[:1] = b"y"
    await stt._handle_user_stopped_speaking(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    assert await _texts(stt) == ["y"]


class Slow(Ear):
    """Is never done."""

    def __init__(self) -> None:
        self.asked, self.gave_up = asyncio.Event(), asyncio.Event()

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.gave_up.set()
        raise AssertionError


async def test_who_leaves_waits_for_no_engine() -> None:
    stt = _service()
    stt._engines = Engines()
    slow = stt._engines.current = Slow()
    await _speak(stt, b"a")
    await slow.asked.wait()
    stt._task_manager = TaskManager(loop=asyncio.get_running_loop())
    await stt.cleanup()
    assert slow.gave_up.is_set()


async def test_a_cut_utterance_is_shown_from_its_new_beginning() -> None:
    class Shown(Ear):
        supports_interim = True

    shown: list[str] = []

    async def push(frame: Frame, *_: object) -> None:
        assert isinstance(frame, InterimTranscriptionFrame)
        shown.append(frame.text)

    stt = _service()
    stt._engines = Engines()
    stt._engines.current = Shown()
    stt._pace.took("ear", 0.01)
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._user_speaking, stt.push_frame = True, push
    stt._max_seconds = 2
    for word in b"a", b"b":
        for _ in range(20):
            audio = InputAudioRawFrame(word * 3_200, 16_000, 1)
            await stt.process_audio_frame(audio, FrameDirection.DOWNSTREAM)
            if stt._interim is not None:
                await asyncio.wait([stt._interim])
    assert {"a", "b"} == set(shown)


class Linguist(Ear):
    """Tells the language, even of a cough."""

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        assert language == "auto"
        return Transcript(audio.decode().strip("-"), "de")


@pytest.mark.parametrize(
    ("heard", "source", "language"), [(b"ja", "voice", "de"), (b"--", "text", None)]
)
async def test_only_words_make_a_spoken_turn(
    heard: bytes, source: str, language: str | None
) -> None:
    kept: list[Event] = []
    stt = _service(kept.append, "auto")
    stt._engines = Engines()
    stt._engines.current = Linguist()
    stt._recorder.speech_ended(0.2)
    async for _ in stt.run_stt(heard):
        pass
    # Without words, what comes next was typed.
    stt._recorder.turn_started("hello")
    assert (kept[0].data["source"], kept[0].data.get("language")) == (source, language)


async def test_what_was_not_meant_is_not_the_language_of_the_conversation() -> None:
    async def dismissed(_text: str) -> bool:
        return True

    stt = _service(language="auto")
    stt._engines = Engines()
    stt._engines.current = Linguist()
    stt.judge = Judge(dismissed)
    assert [frame async for frame in stt.run_stt(b"mm")] == []
    assert stt._recorder.language == ""


class Deaf(Ear):
    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        raise EngineFailed("the ear is broken")


@pytest.mark.parametrize("ahead", [False, True])
async def test_who_cannot_hear_says_so(ahead: bool) -> None:
    stt = _service()
    stt._engines = Engines()
    stt._engines.current = Deaf()
    if ahead:
        await _speak(stt, b"a")
        await asyncio.wait([stt._ahead])
        assert stt.heard_ahead == ""
    told, said = [frame async for frame in stt.run_stt(b"a" * 3_200)]
    assert isinstance(told, ErrorFrame)
    assert isinstance(said, TTSSpeakFrame)
    assert said.text == NOT_HEARD
