"""What every speech engine promises. An engine knows nothing of Pipecat, sessions or tools.

An engine is loaded once per process and shared by all sessions. Its methods never block the
event loop: the work happens on threads that the engine owns. Cancelling the awaiting task
drops work that has not started; work that has started ends on its own thread, unheard. What
waits stands in a line, in the order that its tickets say.

Audio is mono, signed 16 bit, little-endian: 16 kHz into a transcriber, 24 kHz out of a
synthesizer.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard. `text` is empty when nothing was said or nothing could be trusted.

    `confidence` is between 0 and 1, or None where the engine has no measure of it.
    """

    text: str
    language: str = "en"
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak: an engine's own name for the voice (empty: its default) and a rate factor."""

    name: str = ""
    language: str = "en"
    speed: float = 1.0


class Priority(IntEnum):
    """Whose work starts first where an engine is busy; equals start as they came."""

    NOW = 0
    """Somebody listens into silence until it is done."""
    AHEAD = 1
    """It may turn out not to be needed: a transcription at a pause that may not last."""
    LATER = 2
    """It is heard after something that is still being spoken."""


@dataclass(eq=False, slots=True)
class Ticket:
    """One request's place in an engine's line.

    Who holds it may change `priority` at any time, and does when what was asked for ahead turns
    out to be needed. Work that has not started by `deadline` (in seconds of `time.monotonic`) is
    dropped with EngineBusy, a kind of EngineFailed: the engine is well, only too much asked.
    """

    priority: Priority = Priority.NOW
    deadline: float | None = None


class Transcriber(Protocol):
    """Audio to text."""

    @property
    def name(self) -> str:
        """Engine and model, as shown to the user: "sphinx", "whisper base int8 cpu"."""

    @property
    def interim(self) -> bool:
        """Whether the beginning of an utterance, heard for itself, makes any sense to it."""

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        """One utterance (any length, PCM as above) to text. Without a ticket: now.

        Raises EngineFailed; never any other error but CancelledError.
        """

    async def close(self) -> None:
        """Ends the engine's threads and frees its model. Closing twice is closing once."""


class Synthesizer(Protocol):
    """Text to audio."""

    @property
    def name(self) -> str:
        """Engine and model, as shown to the user."""

    @property
    def voices(self) -> tuple[str, ...]:
        """The voice names it accepts, best first."""

    def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """Speaks `text` as PCM chunks, whole samples each, the first as early as it can.

        Without a ticket: now. An unknown voice name falls back to the default. Raises
        EngineFailed.
        """

    async def close(self) -> None:
        """Ends the engine's threads and frees its model. Closing twice is closing once."""


@runtime_checkable
class Watched(Protocol):
    """An engine whose threads can be seen to stand still. Both kinds of ours are."""

    @property
    def stuck_seconds(self) -> float:
        """How long one of its threads has been at work without any sign; 0 where none is."""
