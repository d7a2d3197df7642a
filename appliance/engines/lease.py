"""Who is using an engine: one that is to go is closed when nobody does any more, and one that
gives its users no sign in time has failed.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from appliance.audio.format import INPUT_RATE
from appliance.engines import Synthesizer, Ticket, Transcriber, Transcript, Voice, Watched
from appliance.engines.simulated import CHARACTERS_A_SECOND
from appliance.errors import EngineFailed

E = TypeVar("E", bound=Transcriber | Synthesizer)
T = TypeVar("T")

PATIENCE_SECONDS: Final = 4.0
"""For which an engine may give no sign, beside what it hears or says itself takes: one that is
further behind is of no use in a conversation. `limits.engine_seconds` may say otherwise."""


class Lease:
    """The requests that an engine has under way. For one event loop.

    `patience` is for how many seconds it may give no sign beside the speech itself.
    """

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._count = 0
        self._speech_seconds = 0.0
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def some(self) -> bool:
        return self._count > 0

    @property
    def patience(self) -> float:
        """Seconds in which the engine has to give a sign, whosever request it is at."""
        return self._patience + self._speech_seconds

    @contextmanager
    def one(self, speech_seconds: float) -> Iterator[None]:
        """While the context lasts, the engine is in use, for so much speech."""
        self._count += 1
        self._speech_seconds += speech_seconds
        self._nobody.clear()
        try:
            yield
        finally:
            self._count -= 1
            self._speech_seconds -= speech_seconds
            if not self._count:
                self._nobody.set()

    async def gone(self) -> None:
        """Returns when nobody uses the engine."""
        await self._nobody.wait()


class _Leased(Generic[E]):
    """What both kinds of engine have in common: who uses them is counted, and fails where the
    engine gives no sign in time.
    """

    def __init__(self, engine: E, users: Lease) -> None:
        self._engine = engine
        self._users = users

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def stuck_seconds(self) -> float:
        return self._engine.stuck_seconds if isinstance(self._engine, Watched) else 0.0

    async def close(self) -> None:
        await self._engine.close()

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` comes to. Raises EngineFailed where the engine gives no sign any more.

        Only its own work counts: who waits behind others waits for them.
        """
        working = asyncio.create_task(work)
        try:
            while not working.done():
                left = self._users.patience - self.stuck_seconds
                if left <= 0:
                    raise EngineFailed(f"{self.name} gives no answer")
                await asyncio.wait({working}, timeout=left)
            return working.result()
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait({working})


class LeasedTranscriber(_Leased[Transcriber]):
    """A Transcriber that counts its users, and fails those whom it keeps waiting."""

    @property
    def interim(self) -> bool:
        return self._engine.interim

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        with self._users.one(len(audio) / 2 / INPUT_RATE):
            return await self._in_time(self._engine.transcribe(audio, language, ticket))


class LeasedSynthesizer(_Leased[Synthesizer]):
    """A Synthesizer that counts its users, from the first chunk asked for to the last given, and
    fails those whom it keeps waiting."""

    @property
    def voices(self) -> tuple[str, ...]:
        return self._engine.voices

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        with self._users.one(len(text) / CHARACTERS_A_SECOND / voice.speed):
            chunks = aiter(self._engine.synthesize(text, voice, ticket))
            while True:
                chunk = await self._in_time(_next(chunks))
                if chunk is None:
                    return
                yield chunk


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)
