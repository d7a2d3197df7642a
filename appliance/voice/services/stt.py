"""Speech to text as a Pipecat service: one per session, on the engines that all share."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable

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

from appliance.audio.format import INPUT_RATE
from appliance.config.schema import TurnConfig
from appliance.engines import EngineProvider, Priority, Ticket, Transcriber, Transcript
from appliance.engines.ladder import with_failover
from appliance.errors import EngineBusy, EngineError
from appliance.voice.recorder import Recorder
from appliance.voice.services.engine_latency import EngineLatency
from appliance.voice.turns.coordinator import TurnCoordinator, TurnListener

# The audio kept from before the VAD is sure of speech: what the VAD waits for, and the soft start
# of a word.
LEAD_IN_SECONDS = 0.3
# A segmented transcript is always final, so this only bounds how long a missing one is waited for.
TRANSCRIPT_SECONDS = 1.0

NOT_HEARD = "Sorry, I could not listen just now. Please say that again."


class EngineSTT(SegmentedSTTService, TurnListener):
    """Transcribes utterances, as the VAD cuts them, by the engine of the moment.

    `language` gives that of the moment. `turn` reports pauses, and is given what was heard.
    `reroute` is called with an utterance (16 kHz PCM) that no engine could transcribe; it returns
    True where another route answers it.
    """

    def __init__(
        self,
        engines: EngineProvider[Transcriber],
        recorder: Recorder,
        language: Callable[[], str],
        config: TurnConfig,
        latency: EngineLatency,
        turn: TurnCoordinator,
        reroute: Callable[[bytes], bool],
    ) -> None:
        super().__init__(
            sample_rate=INPUT_RATE,
            trailing_silence_secs=0.2,
            ttfs_p99_latency=TRANSCRIPT_SECONDS,
            settings=STTSettings(model=None, language=None),
        )
        self._engines = engines
        self._recorder = recorder
        self._language = language
        self._latency = latency
        self._turn = turn
        self._reroute = reroute
        self._lead_in = config.start_seconds + LEAD_IN_SECONDS
        self._max_seconds = config.max_seconds
        # The transcription of the latest pause, and that of each segment that waits: a segment may
        # still wait while the next pause is being transcribed.
        self._ahead: asyncio.Task[Transcript | EngineError] | None = None
        self._segment_transcripts: deque[asyncio.Task[Transcript | EngineError] | None] = deque()
        self._ticket = Ticket()
        # The interim transcription, and how many bytes of speech the latest one was of.
        self._interim: asyncio.Task[None] | None = None
        self._interim_bytes = 0
        turn.add_listener(self)

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

    def speech_began(self) -> None:
        """Keeps the audio from the latest packet on."""
        if not self._user_speaking:
            self._user_speaking = True
            self._forget_ahead()
            self._interim_bytes = 0

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        self.speech_began()
        await super()._handle_user_started_speaking(frame)

    async def _handle_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._recorder.speech_ended(frame.stop_secs)
        if self.is_usable:
            # The pause was the end of speech: its transcription is needed now.
            self._ticket.priority = Priority.NOW
            self._segment_transcripts.append(self._ahead)
        await super()._handle_user_stopped_speaking(frame)

    async def hear(self, frame: InputAudioRawFrame) -> None:
        """Processes a frame of audio at once, past the queue of this processor."""
        await self.process_audio_frame(frame, FrameDirection.DOWNSTREAM)

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """As Pipecat's; an utterance without a pause is cut before it fills the memory.

        The parts of a cut utterance join again as one turn when the pause comes.
        """
        await super().process_audio_frame(frame, direction)
        if not self._user_speaking:
            return
        self._recorder.speech_heard()
        self._transcribe_interim()
        if len(self._audio_buffer) >= int(self._max_seconds * self.sample_rate) * 2:
            self.speech_resumed()  # so that nothing transcribed ahead outlives the cut
            self._segment_transcripts.append(None)
            await self._segment_queue.put(bytes(self._audio_buffer))
            self._audio_buffer.clear()
            self._interim_bytes = 0

    def pause_lasted(self, milliseconds: float) -> None:
        """Transcribes ahead, since most pauses turn out to be the end of speech."""
        needed = self._latency.pause_ms(self._engines.current.name)
        if self._user_speaking and self._ahead is None and milliseconds >= needed:
            self._cancel_interim()
            audio = bytes(self._audio_buffer) + self._trailing_silence()
            self._ticket = Ticket(Priority.AHEAD)
            transcribing = self._transcribe_ahead(audio, self._ticket)
            self._ahead = self.create_task(transcribing, "transcribe ahead")

    def speech_resumed(self) -> None:
        """Withdraws what was transcribed ahead: it is not the whole utterance."""
        if self._ahead is not None:
            was_sent = self._ahead.done()
            self._ahead.cancel()
            self._forget_ahead()
            if was_sent:
                self.create_task(self.push_frame(EagerEndOfTurnCancelFrame()), "withdraw")

    def _forget_ahead(self) -> None:
        self._ahead = None
        self._turn.heard_ahead("")

    def _transcribe_interim(self) -> None:
        """Shows what was said so far, where the engine is fast enough and otherwise idle."""
        engine = self._engines.current
        seconds = self._latency.interim_seconds(engine.name) if engine.supports_interim else None
        if seconds is None or self._interim is not None or self._ahead is not None:
            return
        spoken_bytes = len(self._audio_buffer)
        if spoken_bytes - self._interim_bytes < int(seconds * self.sample_rate) * 2:
            return
        self._interim_bytes = spoken_bytes
        self._interim = self.create_task(self._push_interim(bytes(self._audio_buffer)), "interim")

    async def _push_interim(self, audio: bytes) -> None:
        ticket = Ticket(Priority.LATER, deadline=time.monotonic())
        engine = self._engines.current
        # A busy or failing engine shows nothing here; the utterance itself is what counts.
        with contextlib.suppress(EngineError):
            transcript = await engine.transcribe(audio, self._language(), ticket)
            if transcript.text:
                at = time_now_iso8601()
                await self.push_frame(InterimTranscriptionFrame(transcript.text, self._user_id, at))
        self._interim = None

    def _cancel_interim(self) -> None:
        if self._interim is not None:
            self._interim.cancel()
            self._interim = None

    async def _transcribe_ahead(self, audio: bytes, ticket: Ticket) -> Transcript | EngineError:
        """The transcript, or the error, returned because Pipecat swallows what its tasks raise."""
        try:
            transcript = await self._transcribe(audio, ticket)
        except EngineError as error:
            return error
        if transcript.text:
            eager = EagerTranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())
            await self.push_frame(eager)
        if self._ahead is asyncio.current_task():  # otherwise the next utterance has begun
            self._turn.heard_ahead(transcript.text)
        return transcript

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await self.start_processing_metrics()
        ahead = self._segment_transcripts.popleft() if self._segment_transcripts else None
        try:
            transcript = await (ahead or self._transcribe(audio, Ticket()))
            if isinstance(transcript, EngineError):
                raise transcript
        except EngineError as error:
            if not await self._turn.dismisses(""):
                await self._turn.nothing_heard()
            yield ErrorFrame(f"{error.message} {error.advice}")
            busy = isinstance(error, EngineBusy)
            if busy or not self._reroute(audio):
                yield TTSSpeakFrame(NOT_HEARD)
            return
        await self.stop_processing_metrics()
        if await self._turn.dismisses(transcript.text):
            return
        if transcript.text:
            self._recorder.transcribed(transcript.language)
            heard = TranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())
            # The interruption that the words bring about must not sweep them away.
            heard.interruptible = False
            yield heard
        elif self._segment_queue.empty():
            # Of a cut utterance another part may still have words.
            await self._turn.nothing_heard()

    async def _transcribe(self, audio: bytes, ticket: Ticket) -> Transcript:
        """Transcribes with the engine of the moment, or with the next one where that fails."""

        async def transcribe(engine: Transcriber) -> Transcript:
            begin = time.monotonic()
            transcript = await engine.transcribe(audio, self._language(), ticket)
            self._latency.add_transcription(engine.name, time.monotonic() - begin)
            return transcript

        return await with_failover(self._engines, transcribe)
