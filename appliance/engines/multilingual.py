"""Multilingual synthesizer: an engine, and substitutes for the languages that it does not speak.

A substitute is the best Piper voice of the language in the models' directory, else eSpeak NG. It is
loaded when a sentence first needs it. Of Piper, one voice is kept loaded.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from appliance.engines import Synthesizer, Ticket, Voice
from appliance.errors import EngineBusy, EngineError, EngineFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Substitutes:
    """Where substitutes come from. `find_piper` gives the model of a language, if there is one."""

    find_piper: Callable[[str], Path | None]
    load_piper: Callable[[Path], Awaitable[Synthesizer]]
    load_espeak: Callable[[], Awaitable[Synthesizer]]


class Multilingual:
    """A Synthesizer that is `main`, with substitutes for the languages that `speaks` denies."""

    def __init__(
        self, main: Synthesizer, speaks: Callable[[str], bool], substitutes: Substitutes
    ) -> None:
        self._main = main
        self._speaks = speaks
        self._substitutes = substitutes
        self._loading = asyncio.Lock()
        self._espeak: Synthesizer | None = None
        self._piper: Synthesizer | None = None
        self._piper_model: Path | None = None
        self._piper_users = 0
        self._broken: set[Path] = set()

    @property
    def name(self) -> str:
        return self._main.name

    @property
    def stuck_seconds(self) -> float:
        return max(engine.stuck_seconds for engine in self._engines())

    @property
    def voices(self) -> tuple[str, ...]:
        return self._main.voices

    @property
    def streams(self) -> bool:
        return self._main.streams

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        """Speaks the text by `main` where it speaks the language, else by a substitute.

        Raises EngineFailed, and ModelMissing or ModelBroken where eSpeak NG cannot be loaded.
        """
        if not voice.language or self._speaks(voice.language):
            stream = self._main.synthesize(text, voice, ticket)
        else:
            # A ticket of its own: what a substitute takes says nothing of the main engine's speed.
            own = Ticket(ticket.priority, ticket.deadline) if ticket else None
            stream = self._by_substitute(text, voice, own)
        # `async for` does not close what it iterates over: a caller that stops early must also
        # stop the engine.
        async with aclosing(stream):  # type: ignore[type-var]  # a generator behind its protocol
            async for chunk in stream:
                yield chunk

    async def _by_substitute(
        self, text: str, voice: Voice, ticket: Ticket | None
    ) -> AsyncIterator[bytes]:
        piper = await self._find_piper(voice.language)
        if piper is not None:
            self._piper_users += 1
            begun = False
            try:
                async for chunk in piper.synthesize(text, voice, ticket):
                    begun = True
                    yield chunk
            except EngineBusy:
                raise
            except EngineFailed as error:
                # A failure of the substitute must not take the main engine from other languages.
                log.warning("%s failed: %s", piper.name, error.message)
                if self._piper_model is not None:
                    self._broken.add(self._piper_model)
            else:
                return
            finally:
                self._piper_users -= 1
            if begun:
                return
        async for chunk in (await self._load_espeak()).synthesize(text, voice, ticket):
            yield chunk

    async def _find_piper(self, language: str) -> Synthesizer | None:
        async with self._loading:
            model = self._substitutes.find_piper(language)
            return await self._piper_of(model) if model and model not in self._broken else None

    async def _load_espeak(self) -> Synthesizer:
        async with self._loading:
            if self._espeak is None:
                self._espeak = await self._substitutes.load_espeak()
            return self._espeak

    async def _piper_of(self, model: Path) -> Synthesizer | None:
        """The voice of that model; None where it is broken, or another one is speaking."""
        if model == self._piper_model:
            return self._piper
        if self._piper_users:
            return None
        if self._piper is not None:
            await self._piper.close()
            self._piper = self._piper_model = None
        try:
            self._piper = await self._substitutes.load_piper(model)
        except EngineError as error:
            log.warning("%s cannot speak: %s", model.name, error.message)
            self._broken.add(model)
            return None
        self._piper_model = model
        return self._piper

    def _engines(self) -> list[Synthesizer]:
        found = (self._main, self._piper, self._espeak)
        return [engine for engine in found if engine is not None]

    async def close(self) -> None:
        for engine in self._engines():
            await engine.close()
