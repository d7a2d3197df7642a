"""Speech to text as a Pipecat service: one per session, on the engines that all share."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
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
from appliance.observability.turn_trace import TranscriptionStep
from appliance.voice.recorder import Recorder
from appliance.voice.services.earlier_speech import EarlierSpeech
from appliance.voice.services.engine_latency import EngineLatency
from appliance.voice.services.partial_transcripts import Outcome, PartialTranscripts
from appliance.voice.turns.coordinator import TurnCoordinator, TurnListener

# The audio kept from before the VAD is sure of speech: what the VAD waits for, and the soft start
# of a word.
LEAD_IN_SECONDS = 0.3
# A segmented transcript is always final, so this only bounds how long a missing one is waited for.
TRANSCRIPT_SECONDS = 1.0
# Voice so short at the end of an utterance has no sound of its own: what was transcribed without
# it is what was said.
TAIL_SECONDS = 0.02

_PURPOSES = {Priority.NOW: "at the end", Priority.AHEAD: "ahead", Priority.LATER: "interim"}


class EngineSTT(SegmentedSTTService, TurnListener):
    """Transcribes utterances, as the VAD cuts them, by the engine of the moment.

    `language` gives that of the moment. `turn` reports pauses, and is given what was heard.
    `reroute` is called with an utterance (16 kHz PCM) that no engine could transcribe; it returns
    True where another route answers it. `not_heard` gives the apology where none does.
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
        not_heard: Callable[[], str],
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
        self._not_heard = not_heard
        self._lead_in = config.start_seconds + LEAD_IN_SECONDS
        self._max_seconds = config.max_seconds
        self._partials = PartialTranscripts(
            self._transcribe,
            lambda frame: self.push_frame(frame),
            turn.heard_ahead,
            lambda work, name: self.create_task(work, name),
        )
        # The transcription ahead of each segment that waits: a segment may still wait while the
        # next pause is being transcribed.
        self._segment_transcripts: deque[asyncio.Task[Outcome] | None] = deque()
        self._earlier = EarlierSpeech()
        turn.add_listener(self)

    @property
    def wants_wav_segments(self) -> bool:
        return False

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as Pipecat's own processors do
        await super().setup(setup)
        # Pipecat keeps a second of audio before speech; every bit of it costs decoding time.
        self._audio_buffer_size_1s = self._size(self._lead_in)

    async def cleanup(self) -> None:
        for task in self._partials.tasks:
            await self.cancel_task(task)
        await super().cleanup()

    def speech_began(self) -> None:
        """Keeps the audio from the latest packet on."""
        if not self._user_speaking:
            self._user_speaking = True
            self._partials.reset()

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        self.speech_began()
        await super()._handle_user_started_speaking(frame)

    async def _handle_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._recorder.speech_ended(frame.stop_secs)
        if self.is_usable:
            self._segment_transcripts.append(self._partials.take_ahead())
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
        if len(self._audio_buffer) >= self._size(self._max_seconds):
            # Nothing that was transcribed of it outlives the cut.
            self._partials.resume(keep=False)
            self._partials.reset()
            self._segment_transcripts.append(None)
            await self._segment_queue.put(bytes(self._audio_buffer))
            self._audio_buffer.clear()

    def pause_lasted(self, milliseconds: float) -> None:
        """Transcribes ahead, since most pauses turn out to be the end of speech.

        Where an interim transcription is of all that was said, that one is the transcription.
        """
        if not self._user_speaking or self._partials.is_ahead:
            return
        length = len(self._audio_buffer)
        if self._partials.adopt(length - self._size(milliseconds / 1000 + TAIL_SECONDS)):
            return
        engine = self._engines.current
        if milliseconds >= self._latency.pause_ms(engine.name, idle=True):
            self._partials.drop_interim()  # the pause would wait for it
        if milliseconds >= self._latency.pause_ms(engine.name, idle=engine.is_idle):
            audio = bytes(self._audio_buffer) + self._trailing_silence()
            self._partials.begin_ahead(audio, length)

    def turn_ended(self) -> None:
        """Forgets the speech of the turn: what comes next is heard by itself."""
        self._earlier = EarlierSpeech()

    def speech_resumed(self) -> None:
        """Withdraws what was transcribed ahead: it is not the whole utterance."""
        self._partials.resume(keep=self._interim_is_due)

    def _transcribe_interim(self) -> None:
        """Shows what was said so far, where the engine is idle."""
        if self._partials.is_ahead or self._partials.is_interim or not self._interim_is_due:
            return
        if self._engines.current.is_idle:
            self._partials.begin_interim(bytes(self._audio_buffer))

    @property
    def _interim_is_due(self) -> bool:
        """True where enough was said since the last interim transcript for an engine so fast."""
        engine = self._engines.current
        seconds = self._latency.interim_seconds(engine.name) if engine.supports_interim else None
        if seconds is None:
            return False
        return len(self._audio_buffer) - self._partials.interim_length >= self._size(seconds)

    def _size(self, seconds: float) -> int:
        """Bytes of so much audio."""
        return int(seconds * self.sample_rate) * 2

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
                yield TTSSpeakFrame(self._not_heard())
            return
        await self.stop_processing_metrics()
        if await self._turn.dismisses(transcript.text):
            return
        if transcript.text:
            spoken = audio.removesuffix(self._trailing_silence())
            self._earlier = self._earlier.followed_by(spoken, transcript.text)
            self._recorder.transcribed(transcript.language)
            heard = TranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())
            # The interruption that the words bring about must not sweep them away.
            heard.interruptible = False
            yield heard
        elif self._segment_queue.empty():
            # Of a cut utterance another part may still have words.
            await self._turn.nothing_heard()

    async def _transcribe(self, audio: bytes, ticket: Ticket) -> Transcript:
        """Transcribes what follows the earlier speech of the turn, which is heard again with it.

        By the engine of the moment, or by the next one where that fails.
        """
        earlier = self._earlier
        transcript = await self._transcribe_audio(earlier.audio + audio, ticket)
        return replace(transcript, text=earlier.new_words(transcript.text))

    async def _transcribe_audio(self, audio: bytes, ticket: Ticket) -> Transcript:
        async def transcribe(engine: Transcriber) -> Transcript:
            begin, purpose, transcript = time.monotonic(), ticket.priority, None
            ticket.started_at = None
            try:
                transcript = await engine.transcribe(audio, self._language(), ticket)
            finally:
                self._trace(engine, purpose, begin, ticket, audio, transcript)
            self._latency.add_transcription(engine.name, time.monotonic() - begin)
            return transcript

        return await with_failover(self._engines, transcribe)

    def _trace(
        self,
        engine: Transcriber,
        purpose: Priority,
        queued: float,
        ticket: Ticket,
        audio: bytes,
        transcript: Transcript | None,
    ) -> None:
        """Records a transcription that has ended; without a transcript it failed or was dropped."""
        self._recorder.tracer.transcribed(
            TranscriptionStep(
                *(engine.name, _PURPOSES[purpose], queued, ticket.started_at, time.monotonic()),
                audio_seconds=round(len(audio) / 2 / INPUT_RATE, 2),
                windows=transcript.windows if transcript else (),
                retries=transcript.retries if transcript else 0,
                done=transcript is not None,
            )
        )
