"""Who is using an engine, so that one which is to go is closed when nobody does any more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from appliance.engines import Synthesizer, Ticket, Transcriber, Transcript, Voice, Watched


class Users:
    """How many requests an engine has under way. For one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def some(self) -> bool:
        return self._count > 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """While the context lasts, the engine is in use."""
        self._count += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._nobody.set()

    async def gone(self) -> None:
        """Returns when nobody uses the engine."""
        await self._nobody.wait()


class LeasedTranscriber:
    """A Transcriber that counts its users."""

    def __init__(self, engine: Transcriber, users: Users) -> None:
        self._engine = engine
        self._users = users

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def interim(self) -> bool:
        return self._engine.interim

    @property
    def stuck_seconds(self) -> float:
        return _stuck(self._engine)

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        with self._users.one():
            return await self._engine.transcribe(audio, language, ticket)

    async def close(self) -> None:
        await self._engine.close()


class LeasedSynthesizer:
    """A Synthesizer that counts its users: from the first chunk asked for to the last given."""

    def __init__(self, engine: Synthesizer, users: Users) -> None:
        self._engine = engine
        self._users = users

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def voices(self) -> tuple[str, ...]:
        return self._engine.voices

    @property
    def stuck_seconds(self) -> float:
        return _stuck(self._engine)

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        with self._users.one():
            async for chunk in self._engine.synthesize(text, voice, ticket):
                yield chunk

    async def close(self) -> None:
        await self._engine.close()


def _stuck(engine: Transcriber | Synthesizer) -> float:
    return engine.stuck_seconds if isinstance(engine, Watched) else 0.0
