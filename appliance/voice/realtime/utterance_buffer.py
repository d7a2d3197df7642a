"""What somebody says, as sound, until it is known in words: then the sound is let go of."""

from typing import Final

from appliance.audio.format import INPUT_RATE

LEAD_IN_SECONDS: Final = 2.0
"""Before speech is noticed: the first word began by then, wherever it is noticed, and however late
a server far away tells it."""
MOST_SECONDS: Final = 60.0


class UtteranceBuffer:
    """The sound of the question under way: 16-bit mono at INPUT_RATE. `asked` is one already."""

    def __init__(self, asked: bytes = b"") -> None:
        self._heard = bytearray(asked)
        self._begun = bool(asked)

    def hear(self, pcm: bytes) -> None:
        """More from the microphone, whoever speaks."""
        self._heard += pcm
        seconds = MOST_SECONDS if self._begun else LEAD_IN_SECONDS
        del self._heard[: -2 * int(seconds * INPUT_RATE)]

    def begin(self) -> None:
        """Somebody speaks."""
        self._begun = True

    def known(self) -> None:
        """What was said is known in words, or was answered without."""
        self._begun = False

    @property
    def sound(self) -> bytes:
        """The question and a moment before it; empty where all is known that was said."""
        return bytes(self._heard) if self._begun else b""
