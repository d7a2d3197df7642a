"""The engine that listens, as a Pipecat service: thin, one a session, no model inside."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.utils.time import time_now_iso8601

from appliance.config.schema import TurnConfig
from appliance.engines import EngineProvider, Priority, Ticket, Transcriber, Transcript
from appliance.engines.ladder import with_failover
from appliance.errors import EngineBusy, EngineError
from appliance.voice.recorder import Recorder
from appliance.voice.services.engine_latency import EngineLatency

# Speech before the VAD is sure of it: what it waits for, and the soft start of a word.
LEAD_IN_SECONDS = 0.3
# A segmented transcript is always final, so this only bounds how long a missing one is awaited.
TRANSCRIPT_SECONDS = 1.0

NOT_HEARD = "Sorry, I could not listen just now. Please say that again."


async def _meant(_text: str) -> bool:
    return False


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Judge:
    """Who decides over what was heard, once it is known.

    `dismisses` tells whether words (maybe none) were not meant for the assistant; `nothing_heard`
    is told of speech that had no words.
    """

    dismisses: Callable[[str], Awaitable[bool]] = _meant
    nothing_heard: Callable[[], Awaitable[None]] = _nothing


class EngineSTT(SegmentedSTTService):
    """Utterances, as the VAD cuts them, through the engine of the moment."""

    def __init__(
        self,
        engines: EngineProvider[Transcriber],
        recorder: Recorder,
        language: Callable[[], str],
        turn: TurnConfig,
        pace: EngineLatency,
    ) -> None:
        super().__init__(
            sample_rate=16_000,
            trailing_silence_secs=0.2,
            ttfs_p99_latency=TRANSCRIPT_SECONDS,
            settings=STTSettings(model=None, language=None),
        )
        self._engines = engines
        self._recorder = recorder
        self._language = language
        self._pace = pace
        self.judge = Judge()
        self.failed: Callable[[bytes], bool] = lambda _audio: False
        self._lead_in = turn.start_seconds + LEAD_IN_SECONDS
        self._max_seconds = turn.max_seconds
        # What is transcribed of the latest pause, and what belongs to each segment that waits:
        # a segment may still wait while the next pause is being transcribed.
        self._ahead: asyncio.Task[Transcript | EngineError] | None = None
        self._claims: deque[asyncio.Task[Transcript | EngineError] | None] = deque()
        self._ticket = Ticket()
        # What is shown while it is being said, and how many bytes of speech had been then.
        self._interim: asyncio.Task[None] | None = None
        self._shown_bytes = 0

    @property
    def wants_wav_segments(self) -> bool:
        return False

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as Pipecat's own processors do
        await super().setup(setup)
        # Pipecat keeps a second of audio before speech; every bit of it costs decoding time.
        self._audio_buffer_size_1s = int(self._lead_in * self.sample_rate) * 2

    async def cleanup(self) -> None:
        for task in (self._ahead, self._interim):
            if task is not None:
                await self.cancel_task(task)
        await super().cleanup()

    def begin(self) -> None:
        """Speech began with the last packet: what is heard from here on is kept."""
        if not self._user_speaking:
            self._user_speaking = True
            self._ahead = None
            self._shown_bytes = 0

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        self.begin()
        await super()._handle_user_started_speaking(frame)

    async def _handle_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._recorder.speech_ended(frame.stop_secs)
        if self.is_usable:
            # The pause was the end: who waits now goes before who only may have to.
            self._ticket.priority = Priority.NOW
            self._claims.append(self._ahead)
        await super()._handle_user_stopped_speaking(frame)

    async def hear(self, frame: InputAudioRawFrame) -> None:
        """What a frame of audio does here, at once instead of in its turn in the queue."""
        await self.process_audio_frame(frame, FrameDirection.DOWNSTREAM)

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        await super().process_audio_frame(frame, direction)
        # Somebody who never pauses must not fill the memory: the utterance is cut, and its
        # parts join again as one turn when the pause comes.
        if not self._user_speaking:
            return
        self._recorder.speech_heard()
        self._show_interim()
        if len(self._audio_buffer) >= int(self._max_seconds * self.sample_rate) * 2:
            self.resume()
            self._claims.append(None)
            await self._segment_queue.put(bytes(self._audio_buffer))
            self._audio_buffer.clear()
            self._shown_bytes = 0

    def pause(self, lasted_ms: float) -> None:
        """A pause lasts: transcribes ahead, since most pauses turn out to be the end."""
        patience = self._pace.patience_ms(self._engines.current.name)
        if self._user_speaking and self._ahead is None and lasted_ms >= patience:
            self._hide_interim()
            audio = bytes(self._audio_buffer) + self._trailing_silence()
            self._ticket = Ticket(Priority.AHEAD)
            transcribing = self._transcribe_ahead(audio, self._ticket)
            self._ahead = self.create_task(transcribing, "transcribe ahead")

    def resume(self) -> None:
        """The speaker goes on: what was transcribed ahead is not all of it."""
        if self._ahead is not None:
            withdrawn = self._ahead.done()
            self._ahead.cancel()
            self._ahead = None
            if withdrawn:
                self.create_task(self.push_frame(EagerEndOfTurnCancelFrame()), "withdraw")

    def _show_interim(self) -> None:
        """Shows what was said so far, where the engine is fast enough and has nothing to do."""
        engine = self._engines.current
        seconds = self._pace.interim_seconds(engine.name) if engine.supports_interim else None
        if seconds is None or self._interim is not None or self._ahead is not None:
            return
        spoken = len(self._audio_buffer)
        if spoken - self._shown_bytes < int(seconds * self.sample_rate) * 2:
            return
        self._shown_bytes = spoken
        self._interim = self.create_task(self._interim_text(bytes(self._audio_buffer)), "interim")

    async def _interim_text(self, audio: bytes) -> None:
        ticket = Ticket(Priority.LATER, deadline=time.monotonic())
        engine = self._engines.current
        # A busy or failing engine shows nothing here; the utterance itself is what counts.
        with contextlib.suppress(EngineError):
            transcript = await engine.transcribe(audio, self._language(), ticket)
            if transcript.text:
                at = time_now_iso8601()
                await self.push_frame(InterimTranscriptionFrame(transcript.text, self._user_id, at))
        self._interim = None

    def _hide_interim(self) -> None:
        if self._interim is not None:
            self._interim.cancel()
            self._interim = None

    async def _transcribe_ahead(self, audio: bytes, ticket: Ticket) -> Transcript | EngineError:
        """What was said, or why that is not known: Pipecat keeps what its tasks raise."""
        try:
            transcript = await self._transcribe(audio, ticket)
        except EngineError as error:
            return error
        if transcript.text:
            eager = EagerTranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())
            await self.push_frame(eager)
        return transcript

    @property
    def heard_ahead(self) -> str:
        """What was said before the pause that lasts; empty while that is not known."""
        if self._ahead is None or not self._ahead.done() or self._ahead.cancelled():
            return ""
        heard = self._ahead.result()
        return heard.text if isinstance(heard, Transcript) else ""

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await self.start_processing_metrics()
        ahead = self._claims.popleft() if self._claims else None
        try:
            transcript = await (ahead or self._transcribe(audio, Ticket()))
            if isinstance(transcript, EngineError):
                raise transcript
        except EngineError as error:
            if not await self.judge.dismisses(""):
                await self.judge.nothing_heard()
            yield ErrorFrame(f"{error.message} {error.advice}")
            busy = isinstance(error, EngineBusy)
            if busy or not self.failed(audio):
                yield TTSSpeakFrame(NOT_HEARD)
            return
        await self.stop_processing_metrics()
        if await self.judge.dismisses(transcript.text):
            return
        if transcript.text:
            self._recorder.transcribed(transcript.language)
            heard = TranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())
            # The interruption that words bring about must not sweep away the words.
            heard.interruptible = False
            yield heard
        elif self._segment_queue.empty():
            # Of a long utterance another part may still have words.
            await self.judge.nothing_heard()

    async def _transcribe(self, audio: bytes, ticket: Ticket) -> Transcript:
        """Transcribes with the current engine, or with the next one where that fails."""

        async def transcribe(engine: Transcriber) -> Transcript:
            begin = time.monotonic()
            transcript = await engine.transcribe(audio, self._language(), ticket)
            self._pace.took(engine.name, time.monotonic() - begin)
            return transcript

        return await with_failover(self._engines, transcribe)
