"""The audio of what a user says on the Realtime route, until its words are known."""

from typing import Final

from appliance.audio.format import INPUT_RATE

LEAD_IN_SECONDS: Final = 2.0
"""Kept from before the start of speech is noticed: far servers report it late."""
MAX_SECONDS: Final = 60.0


class UtteranceBuffer:
    """Keeps the audio of the user's question, 16-bit mono at INPUT_RATE.

    `audio` is that of a question asked already, on the route before.
    """

    def __init__(self, audio: bytes = b"") -> None:
        self._buffer = bytearray(audio)
        self._is_open = bool(audio)

    def append(self, pcm: bytes) -> None:
        """Adds microphone audio, speech or not."""
        self._buffer += pcm
        seconds = MAX_SECONDS if self._is_open else LEAD_IN_SECONDS
        del self._buffer[: -2 * int(seconds * INPUT_RATE)]

    def open(self) -> None:
        """The user begins to speak."""
        self._is_open = True

    def close(self) -> None:
        """The words of the question are known, or it was answered without them."""
        self._is_open = False

    @property
    def audio(self) -> bytes:
        """The question with its lead-in; empty where there is none or its words are known."""
        return bytes(self._buffer) if self._is_open else b""
