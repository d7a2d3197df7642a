"""A transcription made ahead belongs to its own segment, however many segments wait."""

import asyncio
import time
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
from appliance.engines import Priority, Ticket, Transcript
from appliance.errors import EngineFailed
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.services.earlier_speech import LONGEST_SECONDS
from appliance.voice.services.engine_latency import IDLE_MS, EngineLatency
from appliance.voice.services.stt import EngineSTT
from appliance.voice.turns.coordinator import TurnCoordinator


class FirstByte:
    """An engine that transcribes the first byte of the audio."""

    name = "first byte"
    supports_interim = False
    is_idle = True

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        return Transcript(chr(audio[0]))


class Engines:
    current = FirstByte()

    def report_failure(self, *_: object) -> bool:
        return False


async def _nothing(*_: object, **__: object) -> None:
    return None


def _service(  # its inner state is what is driven here
    on_event: OnEvent = lambda _event: None, language: str = "en", *, dismissed: bool = False
) -> Any:  # noqa: ANN401
    gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
    engines: Any = Engines()
    stt: Any = EngineSTT(
        engines,
        Recorder("c", "s", on_event, gauges, dict),
        lambda: language,
        load((), {}).turn,
        EngineLatency(),
        TurnCoordinator(lambda _words: dismissed),
        reroute=lambda _audio: False,
        not_heard=lambda: "Not heard.",
    )
    stt._sample_rate = 16_000

    # Pipecat's own, which swallows what a task raises.
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
    stt._turn.pause_lasted(IDLE_MS)
    await stt._handle_user_stopped_speaking(VADUserStoppedSpeakingFrame(stop_secs=0.2))


async def test_waiting_segments_keep_their_transcriptions() -> None:
    stt = _service()
    await _speak(stt, b"a")
    await _speak(stt, b"b")
    assert await _texts(stt) == ["a", "b"]


class EverySegment(FirstByte):
    """An engine that hears each letter of the audio once; `asked` keeps what it was given."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        letters = audio.replace(b"\0", b"").decode()
        self.asked.append("".join(sorted(set(letters))))
        return Transcript(" ".join(dict.fromkeys(letters)))


def _hearing_every_segment() -> tuple[Any, EverySegment]:
    stt, engine = _service(), EverySegment()
    stt._engines = Engines()
    stt._engines.current = engine
    return stt, engine


async def test_a_transcription_after_a_cut_is_not_that_of_the_cut_segment() -> None:
    stt, _ = _hearing_every_segment()
    stt._segment_transcripts.append(None)
    stt._segment_queue.put_nowait(b"a" * 3_200)
    await _speak(stt, b"b")
    assert await _texts(stt) == ["a", "b"]


async def test_speech_that_resumes_withdraws_the_transcription_ahead() -> None:
    stt = _service()
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += b"x" * 3_200
    stt._turn.pause_lasted(IDLE_MS)
    stt._turn.speech_resumed()
    stt._audio_buffer[:1] = b"y"
    await stt._handle_user_stopped_speaking(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    assert await _texts(stt) == ["y"]


class Stuck(FirstByte):
    """An engine that never answers."""

    def __init__(self) -> None:
        self.asked, self.cancelled = asyncio.Event(), asyncio.Event()

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


async def test_cleanup_cancels_a_transcription_ahead() -> None:
    stt = _service()
    stt._engines = Engines()
    stuck = stt._engines.current = Stuck()
    await _speak(stt, b"a")
    await stuck.asked.wait()
    stt._task_manager = TaskManager(loop=asyncio.get_running_loop())
    await stt.cleanup()
    assert stuck.cancelled.is_set()


async def test_interim_transcripts_of_a_cut_utterance_begin_at_the_cut() -> None:
    class Shown(FirstByte):
        supports_interim = True

    shown: list[str] = []

    async def push(frame: Frame, *_: object) -> None:
        assert isinstance(frame, InterimTranscriptionFrame)
        shown.append(frame.text)

    stt = _service()
    stt._engines = Engines()
    stt._engines.current = Shown()
    stt._latency.add_transcription("first byte", 0.01)
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._user_speaking, stt.push_frame = True, push
    stt._max_seconds = 2
    for word in b"a", b"b":
        for _ in range(20):
            audio = InputAudioRawFrame(word * 3_200, 16_000, 1)
            await stt.process_audio_frame(audio, FrameDirection.DOWNSTREAM)
            if stt._partials.is_interim:
                await asyncio.wait(stt._partials.tasks)
    assert {"a", "b"} == set(shown)


class Multilingual(FirstByte):
    """An engine that reports the language, even of a cough."""

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
    events: list[Event] = []
    stt = _service(events.append, "auto")
    stt._engines = Engines()
    stt._engines.current = Multilingual()
    stt._recorder.speech_ended(0.2)
    async for _ in stt.run_stt(heard):
        pass
    # Without words, what comes next was typed.
    stt._recorder.user_turn("hello")
    assert (events[0].data["source"], events[0].data.get("language")) == (source, language)


async def test_dismissed_words_do_not_set_the_language_of_the_conversation() -> None:
    stt = _service(language="auto", dismissed=True)
    stt._engines = Engines()
    stt._engines.current = Multilingual()
    assert [frame async for frame in stt.run_stt(b"mm")] == []
    assert stt._recorder.language == ""


class Broken(FirstByte):
    """An engine that fails."""

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        raise EngineFailed("the engine is broken")


@pytest.mark.parametrize("ahead", [False, True])
async def test_a_failed_transcription_is_reported_and_apologised_for(ahead: bool) -> None:
    stt = _service()
    stt._engines = Engines()
    stt._engines.current = Broken()
    if ahead:
        await _speak(stt, b"a")
        await asyncio.wait(stt._partials.tasks)
        assert stt._turn.words_ahead == ""
    error, apology = [frame async for frame in stt.run_stt(b"a" * 3_200)]
    assert isinstance(error, ErrorFrame)
    assert isinstance(apology, TTSSpeakFrame)
    assert apology.text == "Not heard."


async def test_words_heard_ahead_count_while_the_pause_lasts() -> None:
    stt = _service()
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += b"a" * 3_200
    stt._turn.pause_lasted(IDLE_MS)
    await asyncio.wait(stt._partials.tasks)
    assert stt._turn.words_ahead == "a"
    stt._turn.speech_resumed()
    assert stt._turn.words_ahead == ""


async def test_a_late_transcription_does_not_count_for_the_next_utterance() -> None:
    stt = _service()
    await _speak(stt, b"a")
    (late,) = stt._partials.tasks
    stt._turn.speech_began()
    await asyncio.wait([late])
    assert stt._turn.words_ahead == ""


class Slow(FirstByte):
    """An engine with interim transcripts that may be busy; `asked` keeps its tickets."""

    supports_interim = True

    def __init__(self) -> None:
        self.is_idle = True
        self.asked: list[Ticket] = []

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        assert ticket is not None
        self.asked.append(ticket)
        return Transcript(audio[:1].decode())


async def _speaking(engine: Slow, seconds: float) -> Any:  # noqa: ANN401  as above
    """A service whose user speaks, on an engine that has taken so long."""
    stt = _service()
    stt._engines = Engines()
    stt._engines.current = engine
    stt._latency.add_transcription(engine.name, seconds)
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    return stt


@pytest.mark.parametrize("seconds", [0.05, 0.3, 1.0])
async def test_a_pause_is_transcribed_from_its_first_milliseconds(seconds: float) -> None:
    engine = Slow()
    stt = await _speaking(engine, seconds)
    stt._audio_buffer += b"a" * 3_200
    stt._turn.pause_lasted(20)
    await asyncio.wait(stt._partials.tasks)
    assert (len(engine.asked), stt._turn.words_ahead) == (1, "a")


async def test_a_slow_engine_at_work_for_others_is_not_asked_at_once() -> None:
    engine = Slow()
    stt = await _speaking(engine, 0.3)
    stt._audio_buffer += b"a" * 3_200
    engine.is_idle = False
    stt._turn.pause_lasted(20)
    assert stt._partials.tasks == ()
    engine.is_idle = True
    stt._turn.pause_lasted(40)
    await asyncio.wait(stt._partials.tasks)
    assert stt._turn.words_ahead == "a"


async def _hear(stt: Any, seconds: float) -> None:  # noqa: ANN401  as above
    for _ in range(round(seconds / 0.02)):
        audio = InputAudioRawFrame(b"a" * 640, 16_000, 1)
        await stt.process_audio_frame(audio, FrameDirection.DOWNSTREAM)
        await asyncio.sleep(0)


async def test_a_processor_gives_interim_transcripts_as_far_as_it_has_time() -> None:
    engine = Slow()
    stt = await _speaking(engine, 0.3)
    await _hear(stt, 1.0)
    assert engine.asked == []
    await _hear(stt, 0.3)
    assert [ticket.priority for ticket in engine.asked] == [Priority.LATER]
    engine.is_idle = False
    await _hear(stt, 2.0)
    assert len(engine.asked) == 1, "a busy engine has no time for it"


async def test_a_pause_after_an_interim_transcript_of_everything_is_not_transcribed_again() -> None:
    engine = Slow()
    stt = await _speaking(engine, 0.3)
    await _hear(stt, 1.2)
    assert len(engine.asked) == 1
    # A packet of silence, which began with the last sample of what was transcribed.
    stt._audio_buffer += bytes(640)
    stt._turn.pause_lasted(20)
    await stt._handle_user_stopped_speaking(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    assert await _texts(stt) == ["a"]
    assert len(engine.asked) == 1


class InWindows(FirstByte):
    """An engine that begins with a request, and needs two windows for it."""

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        assert ticket is not None
        ticket.started_at = time.monotonic()
        return Transcript("a", windows=(8.0, 30.0), retries=1)


async def test_a_transcription_is_traced_with_its_queue_windows_and_retries() -> None:
    stt = _service()
    stt._engines.current = InWindows()
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += b"x" * 3_200
    stt._turn.pause_lasted(IDLE_MS)
    await asyncio.sleep(0)
    [step] = stt._recorder.tracer.next.transcriptions
    assert (step.purpose, step.windows, step.retries, step.done) == ("ahead", (8.0, 30.0), 1, True)
    assert step.queued <= step.begun <= step.ended


async def test_a_transcription_that_is_withdrawn_is_traced_as_given_up() -> None:
    stt, stuck = _service(), Stuck()
    stt._engines.current = stuck
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += b"x" * 3_200
    stt._turn.pause_lasted(IDLE_MS)
    await stuck.asked.wait()
    stt._turn.speech_resumed()
    await stuck.cancelled.wait()
    await asyncio.sleep(0)
    assert [step.done for step in stt._recorder.tracer.next.transcriptions] == [False]


async def test_speech_that_goes_on_in_a_turn_is_heard_with_what_came_before() -> None:
    stt, engine = _hearing_every_segment()
    heard = []
    for word in b"a", b"b", b"c":
        await _speak(stt, word)
        heard += await _texts(stt)
    assert engine.asked == ["a", "ab", "abc"]
    assert heard == ["a", "b", "c"], "only what is new is passed on"


async def test_the_next_turn_is_heard_by_itself() -> None:
    stt, engine = _hearing_every_segment()
    for word in b"a", b"b":
        await _speak(stt, word)
        await _texts(stt)
        stt._turn.turn_ended()
    assert engine.asked == ["a", "b"]


async def test_of_a_long_turn_only_the_last_seconds_are_heard_again() -> None:
    stt, engine = _hearing_every_segment()
    await stt._handle_user_started_speaking(VADUserStartedSpeakingFrame(start_secs=0.2))
    stt._audio_buffer += b"a" * round(2 * 16_000 * LONGEST_SECONDS)
    await stt._handle_user_stopped_speaking(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await _texts(stt)
    await _speak(stt, b"b")
    await _texts(stt)
    await _speak(stt, b"c")
    assert await _texts(stt) == ["c"]
    assert engine.asked == ["a", "ab", "bc"]
