"""A spoken apology that needs no voice: made while there was one, and kept as sound."""

import logging
from typing import Final

from appliance.engines import Priority, Synthesizer, Ticket, Voice
from appliance.errors import EngineError

log = logging.getLogger(__name__)

SPEECHLESS: Final = "Sorry, my voice fails me right now. Please try again in a moment."


class Apology:
    """`pcm` is what engines make (24 kHz); empty until it was spoken once."""

    text = SPEECHLESS

    def __init__(self) -> None:
        self.pcm = b""
        self._spoken_by: Synthesizer | None = None

    async def speak(self, engine: Synthesizer, voice: Voice) -> None:
        """Has an engine speak it, behind everything that somebody waits for.

        What was there stays where that fails: it is for the time when engines do.
        """
        if engine is self._spoken_by:
            return
        ticket = Ticket(Priority.LATER)
        try:
            pcm = [chunk async for chunk in engine.synthesize(self.text, voice, ticket)]
        except EngineError as error:
            log.warning("%s could not speak the apology: %s", engine.name, error.message)
            return
        if any(pcm):
            self.pcm, self._spoken_by = b"".join(pcm), engine
