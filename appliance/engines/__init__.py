"""What every speech engine promises. An engine knows nothing of Pipecat, sessions or tools.

An engine is loaded once per process and shared by all sessions. Its methods never block the
event loop: the work happens on threads that the engine owns. Cancelling the awaiting task
drops work that has not started; work that has started ends on its own thread, unheard.

Audio is mono, signed 16 bit, little-endian: 16 kHz into a transcriber, 24 kHz out of a
synthesizer.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

INPUT_RATE = 16_000
OUTPUT_RATE = 24_000


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


class Transcriber(Protocol):
    """Audio to text."""

    @property
    def name(self) -> str:
        """Engine and model, as shown to the user: "sphinx", "whisper base int8 cpu"."""

    async def transcribe(self, audio: bytes, language: str = "en") -> Transcript:
        """One utterance (any length, PCM as above) to text.

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

    def synthesize(self, text: str, voice: Voice) -> AsyncIterator[bytes]:
        """Speaks `text` as PCM chunks, whole samples each, the first as early as it can.

        An unknown voice name falls back to the default. Raises EngineFailed.
        """

    async def close(self) -> None:
        """Ends the engine's threads and frees its model. Closing twice is closing once."""
