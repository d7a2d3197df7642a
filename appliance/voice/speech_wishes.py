"""The wishes of a session's user about speech, and who has to know of a change."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.tools import Speech


@dataclass(slots=True)
class SpeechWishes:
    """The voice, language and speed of the moment.

    Whoever speaks reads `speech` for every sentence; a server that speaks by itself listens.
    """

    speech: Speech
    _listener: Callable[[Speech], None] | None = None

    def change(self, speech: Speech) -> None:
        """Sets them, from the next sentence on."""
        self.speech = speech
        if self._listener is not None:
            self._listener(speech)

    def listen(self, listener: Callable[[Speech], None] | None) -> None:
        """Calls `listener` with every change, in place of the listener before."""
        self._listener = listener
