"""The engines as Pipecat services: thin, one pair per session, no model inside."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseStartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from appliance.config import Turn
from appliance.engines import (
    OUTPUT_RATE,
    Priority,
    Synthesizer,
    Ticket,
    Transcriber,
    Transcript,
    Voice,
)
from appliance.errors import EngineError
from appliance.tools.spoken import Speakable
from appliance.voice.recorder import Recorder

# Speech before the VAD is sure of it: what it waits for, and the soft start of a word.
LEAD_IN_SECONDS = 0.3
# A segmented transcript is always final, so this only bounds how long a missing one is awaited.
TRANSCRIPT_SECONDS = 1.0


class Engines(Protocol):
    """The engines that answer now; a failing one is reported and replaced by the next."""

    @property
    def transcriber(self) -> Transcriber: ...

    @property
    def synthesizer(self) -> Synthesizer: ...

    def failed(self, engine: Transcriber | Synthesizer, error: EngineError) -> bool:
        """Steps down from a failed engine; True where another one takes its place."""


class EngineSTT(SegmentedSTTService):
    """Utterances, as the VAD cuts them, through the engine of the moment."""

    def __init__(
        self,
        engines: Engines,
        recorder: Recorder,
        language: str,
        turn: Turn,
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
        self._lead_in = turn.start_seconds + LEAD_IN_SECONDS
        self._max_seconds = turn.max_seconds
        # What is transcribed of the latest pause, and what belongs to each segment that waits:
        # a segment may still wait while the next pause is being transcribed.
        self._ahead: asyncio.Task[Transcript] | None = None
        self._claims: deque[asyncio.Task[Transcript] | None] = deque()
        self._ticket = Ticket()

    @property
    def wants_wav_segments(self) -> bool:
        return False

    def can_generate_metrics(self) -> bool:
        return True

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]  # as Pipecat's own processors do
        await super().setup(setup)
        # Pipecat keeps a second of audio before speech; every bit of it costs decoding time.
        self._audio_buffer_size_1s = int(self._lead_in * self.sample_rate) * 2

    async def _handle_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        self._ahead = None
        await super()._handle_user_started_speaking(frame)

    async def _handle_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        self._recorder.speech_ended(frame.stop_secs)
        if self.is_usable:
            # The pause was the end: who waits now goes before who only may have to.
            self._ticket.priority = Priority.NOW
            self._claims.append(self._ahead)
        await super()._handle_user_stopped_speaking(frame)

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        await super().process_audio_frame(frame, direction)
        # Somebody who never pauses must not fill the memory: the utterance is cut, and its
        # parts join again as one turn when the pause comes.
        if not self._user_speaking:
            return
        self._recorder.speech_heard()
        if len(self._audio_buffer) >= int(self._max_seconds * self.sample_rate) * 2:
            self.resume()
            self._claims.append(None)
            await self._segment_queue.put(bytes(self._audio_buffer))
            self._audio_buffer.clear()

    def pause(self) -> None:
        """The speaker pauses: transcribes ahead, since most pauses turn out to be the end."""
        if self._user_speaking and self._ahead is None:
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

    async def _transcribe_ahead(self, audio: bytes, ticket: Ticket) -> Transcript:
        transcript = await self._transcribe(audio, ticket)
        if transcript.text:
            eager = EagerTranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())
            await self.push_frame(eager)
        return transcript

    @property
    def heard_ahead(self) -> str:
        """What was said before the pause that lasts; empty while that is not known."""
        ahead = self._ahead
        done = ahead is not None and ahead.done() and not ahead.cancelled()
        return ahead.result().text if ahead and done and not ahead.exception() else ""

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        await self.start_processing_metrics()
        ahead = self._claims.popleft() if self._claims else None
        try:
            transcript = await (ahead or self._transcribe(audio, Ticket()))
        except EngineError as error:
            yield ErrorFrame(f"{error.message} {error.advice}")
            return
        await self.stop_processing_metrics()
        self._recorder.transcribed()
        if transcript.text:
            yield TranscriptionFrame(transcript.text, self._user_id, time_now_iso8601())

    async def _transcribe(self, audio: bytes, ticket: Ticket) -> Transcript:
        """By the engine of the moment; by the next one, from the same audio, where it fails."""
        while True:
            engine = self._engines.transcriber
            try:
                return await engine.transcribe(audio, self._language, ticket)
            except EngineError as error:
                if not self._engines.failed(engine, error):
                    raise


class EngineTTS(TTSService):
    """Sentences through the engine of the moment, with the time at which each word is heard.

    Engines give no word times, so a sentence's words share its duration by their length. That
    is good to about a syllable, and it is what decides how much of an answer counts as heard.
    """

    def __init__(
        self,
        engines: Engines,
        voice: Callable[[], Voice],
    ) -> None:
        self._speakable = Speakable()

        async def transform(text: str, _type: str) -> str:
            return self._speakable.fragment(text)

        super().__init__(
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=OUTPUT_RATE,
            text_transforms=[("*", transform)],
            # A sentence of nothing but emoji has no audio; that is no failure of the engine.
            max_consecutive_zero_audio_contexts=0,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._engines = engines
        self._current_voice = voice
        self._heard_context = ""
        self._heard_start = 0.0
        self._heard_end = 0.0

    def can_generate_metrics(self) -> bool:
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, LLMFullResponseStartFrame):
            self._speakable.reset()
        await super().process_frame(frame, direction)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        spoken_seconds = 0.0
        begin = 0.0
        # Somebody waits for the first piece of an answer; the others are needed later.
        is_first = context_id != self._heard_context
        ticket = Ticket(Priority.NOW if is_first else Priority.LATER)
        while True:
            engine = self._engines.synthesizer
            try:
                async for pcm in engine.synthesize(text, self._current_voice(), ticket):
                    if not spoken_seconds:
                        begin = self._sentence_start(context_id)
                    spoken_seconds += len(pcm) / 2 / OUTPUT_RATE
                    yield TTSAudioRawFrame(pcm, OUTPUT_RATE, 1, context_id=context_id)
                break
            except EngineError as error:
                stepped_down = self._engines.failed(engine, error)
                if spoken_seconds or not stepped_down:
                    # Half a sentence is not said twice in two voices.
                    yield ErrorFrame(f"{error.message} {error.advice}")
                    break
        self._heard_end = begin + spoken_seconds
        words = _word_times(text, begin, spoken_seconds)
        await self.add_word_timestamps(words, context_id)

    def _sentence_start(self, context_id: str) -> float:
        """When this sentence starts to be heard, in seconds after its context's first audio.

        Sentences follow each other without a gap, unless synthesis was slower than speech.
        """
        now = time.monotonic()
        if context_id != self._heard_context:
            self._heard_context, self._heard_start, self._heard_end = context_id, now, 0.0
        return max(self._heard_end, now - self._heard_start)


def _word_times(text: str, begin: float, seconds: float) -> list[tuple[str, float]]:
    words = text.split()
    length = sum(len(word) + 1 for word in words)
    times: list[tuple[str, float]] = []
    before = 0
    for word in words:
        times.append((word, begin + seconds * before / length))
        before += len(word) + 1
    return times
