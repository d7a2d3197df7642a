"""Speech engines: the protocols of transcribers and synthesizers, and of their providers.

An engine knows nothing of Pipecat, sessions or tools. It is loaded once per process and shared by
all sessions. Its methods never block the event loop: the work is done on threads that the engine
owns. Cancelling the awaiting task drops work that has not started; work that has started ends on
its thread, at the end of its present step where it has several, and its result is dropped. Waiting
requests are queued in the order that their tickets give.

Audio is mono, signed 16 bit, little-endian PCM: 16 kHz into a transcriber, 24 kHz out of a
synthesizer.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol, TypeVar

from appliance.errors import EngineError

CHARACTERS_PER_SECOND: Final = 15
"""Of text, spoken at the normal rate."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of an utterance; empty where nothing was said or nothing could be trusted.

    `confidence` is between 0 and 1, or None where the engine has no measure of it. `windows` are
    the encoder windows in seconds, one after the other, where the engine has such; `retries` of
    them were a second attempt.
    """

    text: str
    language: str = "en"
    confidence: float | None = None
    windows: tuple[float, ...] = ()
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Voice:
    """Voice, language and rate of speech.

    `name` is the engine's own name of the voice (empty: its default); `speed` 1 is the normal
    rate.
    """

    name: str = ""
    language: str = "en"
    speed: float = 1.0

    def seconds(self, text: str) -> float:
        """Roughly how long the text takes to say."""
        return len(text) / CHARACTERS_PER_SECOND / self.speed


class Priority(IntEnum):
    """The order in which a busy engine starts requests; equals start as they came."""

    NOW = 0
    """A user listens into silence until it is done."""
    AHEAD = 1
    """It may turn out not to be needed: a transcription at a pause that may not last."""
    LATER = 2
    """Its result is heard after something that is still being spoken."""


@dataclass(eq=False, slots=True)
class Ticket:
    """Priority and deadline of one request to an engine.

    The requester may change `priority` while the request waits, as when work done ahead turns out
    to be needed. A request that has not started by `deadline` (seconds of `time.monotonic`) is
    dropped with EngineBusy: the engine is well, but has too much to do.

    The engine sets `started_at` (of the same clock) when it begins with the request, and
    `from_cache` where it need not, because it has said the same before.
    """

    priority: Priority = Priority.NOW
    deadline: float | None = None
    started_at: float | None = None
    from_cache: bool = False


class Engine(Protocol):
    """The common part of both kinds of engine."""

    @property
    def name(self) -> str:
        """Engine and model, as shown to the user: "sphinx", "whisper base int8 cpu"."""

    @property
    def stuck_seconds(self) -> float:
        """How long a thread of the engine has been at work without progress; 0 for none.

        Seconds in which it computes count a quarter, those in which it waits for a processor
        hardly at all (`stall_clock.StallClock`).
        """

    async def close(self) -> None:
        """Ends the engine's threads and frees its model. Closing twice is closing once."""


class Transcriber(Engine, Protocol):
    """Speech to text."""

    @property
    def is_idle(self) -> bool:
        """True while no thread of the engine is at work."""

    @property
    def supports_interim(self) -> bool:
        """Whether the transcript of an unfinished utterance is worth showing."""

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        """Transcribes one utterance of any length. No ticket means Priority.NOW.

        Raises EngineFailed, and nothing else but CancelledError.
        """


class Synthesizer(Engine, Protocol):
    """Text to speech."""

    @property
    def voices(self) -> tuple[str, ...]:
        """The voice names it accepts, best first."""

    @property
    def streams(self) -> bool:
        """Whether the first chunk of a text comes before the whole text has been synthesized."""

    def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """Speaks the text as PCM chunks of whole samples, the first as early as possible.

        No ticket means Priority.NOW. An unknown voice name gives way to the default voice.
        Raises EngineFailed.
        """


E = TypeVar("E", bound=Engine)


class EngineProvider(Protocol[E]):
    """Provides the engine of one kind that answers now. See `ladder.with_failover`."""

    @property
    def current(self) -> E:
        """The engine that answers now. Raises NotReady before there is one."""

    def report_failure(self, engine: E, error: EngineError) -> bool:
        """Steps down from a failed engine; True where another one takes its place."""


class SpeechEngines(Protocol):
    """Both kinds of engine, as the voice pipelines use them."""

    @property
    def stt(self) -> EngineProvider[Transcriber]: ...

    @property
    def tts(self) -> EngineProvider[Synthesizer]: ...
