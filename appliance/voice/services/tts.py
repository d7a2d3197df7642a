"""Text to speech as a Pipecat service: one per session, on the engines that all share."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.utils.context.word_completion_tracker import WordCompletionTracker

from appliance.audio.format import OUTPUT_RATE
from appliance.engines import EngineProvider, Priority, Synthesizer, Ticket, Voice
from appliance.engines.apology import Apology
from appliance.engines.ladder import with_failover
from appliance.errors import EngineError
from appliance.observability.turn_trace import PieceStep
from appliance.text.normalize import Speakable
from appliance.text.pieces import SpeechCost
from appliance.text.prosody import speech_seconds
from appliance.voice.frames import CODE, PlaybackMarkerFrame
from appliance.voice.services.engine_latency import EngineLatency
from appliance.voice.turn_tracer import TraceDraft, TurnTracer

LONGEST_GAP_SECONDS = 60.0
"""The longest gap within an answer: long enough for every engine to fail in turn."""


@dataclass(slots=True)
class _Prepared:
    """A piece of text that is synthesized into memory."""

    text: str
    voice: Voice
    engine: Synthesizer
    ticket: Ticket = field(default_factory=lambda: Ticket(Priority.AHEAD))
    chunks: "asyncio.Queue[bytes | EngineError | None]" = field(default_factory=asyncio.Queue)
    task: "asyncio.Task[None] | None" = None

    def is_for(self, engine: Synthesizer, text: str, voice: Voice) -> bool:
        same_words = self.text.strip() == text.strip()
        return same_words and self.engine is engine and self.voice == voice

    async def collect(self, audio: AsyncIterator[bytes]) -> None:
        """Keeps the audio, then None, or the error in its place."""
        try:
            async for pcm in audio:
                self.chunks.put_nowait(pcm)
            self.chunks.put_nowait(None)
        except EngineError as error:
            self.chunks.put_nowait(error)

    async def audio(self) -> AsyncIterator[bytes]:
        """The audio so far and the rest as it comes. Raises the engine's error."""
        self.ticket.priority = Priority.NOW
        try:
            while (chunk := await self.chunks.get()) is not None:
                if isinstance(chunk, EngineError):
                    raise chunk
                yield chunk
        finally:
            if self.task is not None:
                self.task.cancel()


@dataclass(frozen=True, slots=True)
class _Speech:
    """A sentence whose audio has begun. If its engine fails from here on, the sentence stays cut:
    it is not repeated in another voice."""

    engine: Synthesizer
    first: bytes
    rest: AsyncIterator[bytes]

    @classmethod
    async def begin(cls, engine: Synthesizer, audio: AsyncIterator[bytes]) -> "_Speech":
        """Waits for the first audio; a text without words has none. Raises EngineError."""
        first = b""
        async for first in audio:
            if first:
                break
        return cls(engine, first, audio)

    async def chunks(self) -> AsyncIterator[bytes]:
        if self.first:
            yield self.first
        async for pcm in self.rest:
            yield pcm


class _PieceTimer:
    """Measures the synthesis of a piece from its construction on."""

    def __init__(self, text: str, engine: Synthesizer, ticket: Ticket, *, ahead: bool) -> None:
        self.done = False
        self.queued_at = self.last_at = time.monotonic()
        self.speech_seconds = 0.0
        self._text, self._engine, self._ticket, self._ahead = text, engine, ticket, ahead
        self.first_at: float | None = None
        ticket.started_at, ticket.from_cache = None, False

    def add(self, pcm: bytes) -> None:
        """The next audio has come."""
        self.last_at = time.monotonic()
        if self.first_at is None:
            self.first_at = self.last_at
        self.speech_seconds += len(pcm) / 2 / OUTPUT_RATE

    def step(self) -> PieceStep:
        return PieceStep(
            *(self._engine.name, len(self._text), self.queued_at, self._ticket.started_at),
            *(self.first_at, self.last_at, round(self.speech_seconds, 2)),
            ahead=self._ahead,
            cached=self._ticket.from_cache,
            done=self.done,
        )


class EngineTTS(TTSService):
    """Speaks sentences by the engine of the moment, with the time at which each word is heard.

    Engines give no word times, so the words of a sentence share its duration by their length. That
    is good to about a syllable, and it decides how much of an answer counts as heard. `voice`
    gives the voice of the moment; `reroute` is called where no engine can speak, and returns True
    where another route answers instead. `tracer` is told what each piece cost.
    """

    def __init__(
        self,
        engines: EngineProvider[Synthesizer],
        voice: Callable[[], Voice],
        latency: EngineLatency,
        apology: Apology,
        reroute: Callable[[], bool],
        tracer: TurnTracer | None = None,
    ) -> None:
        self._tracer = tracer or TurnTracer()
        self._apology = apology
        self._apologised_in = ""
        self._reroute = reroute
        self._speakable = Speakable()
        # Pieces of the current answer or announcement, and how many of them were synthesized.
        self._pieces_begun = self._pieces_spoken = 0

        async def transform(text: str, _type: str) -> str:
            return self._speakable.fragment(text, self._current_voice().language)

        super().__init__(
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=OUTPUT_RATE,
            text_transforms=[("*", transform)],
            skip_text_types=[CODE],
            # A sentence of nothing but emoji has no audio; that is no failure of the engine.
            max_consecutive_zero_audio_contexts=0,
            stop_frame_timeout_s=LONGEST_GAP_SECONDS,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._engines = engines
        self._current_voice = voice
        self._latency = latency
        self._heard_context = ""
        self._heard_start = 0.0
        self._heard_end = 0.0
        self._prepared: _Prepared | None = None

    def can_generate_metrics(self) -> bool:
        return True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, PlaybackMarkerFrame) and not self._spoken_whole:
            return
        if isinstance(frame, LLMFullResponseStartFrame):
            self._speakable.reset()
            self._pieces_begun = self._pieces_spoken = 0
        if not isinstance(frame, TTSSpeakFrame):
            await super().process_frame(frame, direction)
            return
        # Spoken on its own, whatever block of the answer it comes in the middle of.
        answer, self._speakable = self._speakable, Speakable()
        self._pieces_begun = self._pieces_spoken = 0
        try:
            await super().process_frame(frame, direction)
        finally:
            self._speakable = answer

    @property
    def _spoken_whole(self) -> bool:
        """Whether no piece of the current answer or announcement failed."""
        return 0 < self._pieces_begun == self._pieces_spoken

    def speech_cost(self) -> SpeechCost:
        """What a piece of an answer costs the engine and voice of the moment."""
        engine = self._engines.current
        speed = self._current_voice().speed
        return self._latency.speech_cost(engine.name, streams=engine.streams, speed=speed)

    def prepare(self, text: str) -> None:
        """Synthesizes into memory the opening of an answer that may still be withdrawn."""
        self.discard()
        voice = self._current_voice()
        text = Speakable().fragment(text.strip(), voice.language)
        if text.strip():
            prepared = _Prepared(text, voice, self._engines.current)
            audio = self._synthesize(
                *(prepared.engine, text, prepared.voice, prepared.ticket), self._tracer.next
            )
            prepared.task = self.create_task(prepared.collect(audio), "prepare")
            self._prepared = prepared

    def discard(self) -> None:
        """Gives up what was prepared."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.task is not None:
            prepared.task.cancel()

    def _audio(self, engine: Synthesizer, text: str, ticket: Ticket) -> AsyncIterator[bytes]:
        """The audio of the text: from memory where it was prepared, else from the engine."""
        prepared, voice = self._prepared, self._current_voice()
        if prepared is not None and prepared.is_for(engine, text, voice):
            self._prepared = None
            return prepared.audio()
        self.discard()
        return self._synthesize(engine, text, voice, ticket, self._tracer.current)

    async def _synthesize(
        self, engine: Synthesizer, text: str, voice: Voice, ticket: Ticket, draft: TraceDraft
    ) -> AsyncIterator[bytes]:
        """The audio of the text from the engine, whose speed is measured and kept in `draft`."""
        piece = _PieceTimer(text, engine, ticket, ahead=draft is self._tracer.next)
        try:
            async for pcm in engine.synthesize(text, voice, ticket):
                piece.add(pcm)
                yield pcm
            piece.done = True
            if not ticket.from_cache:
                self._latency.add_synthesis(
                    engine.name,
                    piece.last_at - piece.queued_at,
                    piece.speech_seconds,
                    expected=speech_seconds(text) / voice.speed,
                    first_chunk=(piece.first_at or piece.last_at) - piece.queued_at,
                )
        finally:
            self._tracer.voiced(draft, piece.step())

    async def on_turn_context_completed(self) -> None:
        # Pipecat goes by the last piece of text alone, which may have had no audio.
        self._is_yielding_frames_synchronously = True
        await super().on_turn_context_completed()

    async def cleanup(self) -> None:
        self.discard()
        await super().cleanup()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        self._pieces_begun += 1
        spoken_seconds = 0.0
        begin = 0.0
        # The user waits for the first piece of an answer; the others are needed later.
        is_first = context_id != self._heard_context
        ticket = Ticket(Priority.NOW if is_first else Priority.LATER)
        speech: _Speech | None = None
        try:
            speech = await with_failover(
                self._engines,
                lambda engine: _Speech.begin(engine, self._audio(engine, text, ticket)),
            )
            async for pcm in speech.chunks():
                if not spoken_seconds:
                    begin = self._sentence_start(context_id)
                spoken_seconds += len(pcm) / 2 / OUTPUT_RATE
                yield TTSAudioRawFrame(pcm, OUTPUT_RATE, 1, context_id=context_id)
            words = _word_times(text, begin, spoken_seconds)
            self._pieces_spoken += spoken_seconds > 0
        except EngineError as error:
            replaced = speech is not None and self._engines.report_failure(speech.engine, error)
            yield ErrorFrame(f"{error.message} {error.advice}")
            words = _word_times(text, begin, spoken_seconds)
            pcm = b"" if replaced else self._apologise(context_id)
            if pcm:
                begin = begin or self._sentence_start(context_id)
                seconds = len(pcm) / 2 / OUTPUT_RATE
                words += _word_times(self._apology.text, begin + spoken_seconds, seconds)
                spoken_seconds += seconds
                yield TTSAudioRawFrame(pcm, OUTPUT_RATE, 1, context_id=context_id)
            self._correct_spoken_text(" ".join(word for word, _ in words), context_id)
        self._heard_end = begin + spoken_seconds
        await self.add_word_timestamps(words, context_id)

    def _correct_spoken_text(self, text: str, context_id: str) -> None:
        """Puts `text`, what was really spoken, in the place of the piece that should have been.

        Pipecat would take the whole piece for heard.
        """
        pieces = self._aggregated_frame_sequencer._slots
        piece = next((p for p in reversed(pieces) if p.spoken and p.context_id == context_id), None)
        if piece is not None and text:
            piece.tracker = WordCompletionTracker(text, llm_text=text, user_facing_text=text)
        elif piece is not None:
            piece.complete = True

    def _apologise(self, context_id: str) -> bytes:
        """The recorded apology, once an answer; nothing where another route answers instead."""
        latest, self._apologised_in = self._apologised_in, context_id
        return b"" if latest == context_id or self._reroute() else self._apology.pcm

    def _sentence_start(self, context_id: str) -> float:
        """When this sentence begins to be heard, in seconds after the context's first audio.

        Sentences follow each other without a gap, unless synthesis was slower than speech.
        """
        now = time.monotonic()
        if context_id != self._heard_context:
            self._heard_context, self._heard_start, self._heard_end = context_id, now, 0.0
        return max(self._heard_end, now - self._heard_start)


def _word_times(text: str, begin: float, seconds: float) -> list[tuple[str, float]]:
    """When each word is heard, in seconds after the context's first audio."""
    words = text.split() if seconds else []
    length = sum(len(word) + 1 for word in words)
    times: list[tuple[str, float]] = []
    before = 0
    for word in words:
        times.append((word, begin + seconds * before / length))
        before += len(word) + 1
    return times
