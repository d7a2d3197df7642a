"""Spoken apology for the time when no synthesizer works: rendered ahead and kept as audio."""

import logging
from typing import Final

from appliance.engines import Priority, Synthesizer, Ticket, Voice
from appliance.errors import EngineError

log = logging.getLogger(__name__)

SPEECHLESS: Final = "Sorry, my voice fails me right now. Please try again in a moment."


class Apology:
    """The apology as text, and as `pcm` (24 kHz) once a synthesizer has spoken it."""

    text = SPEECHLESS

    def __init__(self) -> None:
        self.pcm = b""
        self._spoken_by: Synthesizer | None = None

    async def speak(self, engine: Synthesizer, voice: Voice) -> bool:
        """Renders the apology with an engine, after all requests that a user waits for.

        If that fails (False), the audio of an earlier engine stays.
        """
        if engine is self._spoken_by:
            return True
        ticket = Ticket(Priority.LATER)
        try:
            pcm = [chunk async for chunk in engine.synthesize(self.text, voice, ticket)]
        except EngineError as error:
            log.warning("%s could not speak the apology: %s", engine.name, error.message)
            return False
        if any(pcm):
            self.pcm, self._spoken_by = b"".join(pcm), engine
        return True
