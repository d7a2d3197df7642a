"""Spoken apology for the time when no synthesizer works: rendered ahead and kept as audio."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from appliance.engines import Priority, Synthesizer, Ticket, Voice
from appliance.errors import EngineError

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 30.0
SPEECHLESS: Final = "Sorry, my voice fails me right now. Please try again in a moment."


class Apology:
    """The apology as text, and as `pcm` (24 kHz) once a synthesizer has spoken it."""

    def __init__(self, text: str = SPEECHLESS) -> None:
        self.text = text
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

    async def retry(self, current: Callable[[], Synthesizer], voice: Voice) -> None:
        """Renders the apology with the engine that answers then, every 30 s until there is one.

        For an engine that failed at the start, as on processors that had no time for it.
        """
        while not self.pcm:
            await asyncio.sleep(RETRY_SECONDS)
            await self.speak(current(), voice)
