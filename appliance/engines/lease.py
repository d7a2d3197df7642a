"""Leases: who uses an engine, how long it may stall, and when a replaced one can be closed."""

import asyncio
import ctypes
import gc
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from appliance.audio.format import INPUT_RATE
from appliance.engines import E, Synthesizer, Ticket, Transcriber, Transcript, Voice
from appliance.errors import EngineFailed

log = logging.getLogger(__name__)

T = TypeVar("T")

STALL_SECONDS: Final = 4.0
"""How long an engine may make no progress, beside the length of the speech at work: an engine
further behind is of no use in a conversation. `limits.engine_seconds` overrides it."""
_CLOSING_SECONDS: Final = 30.0
"""How long the next engine waits for a replaced one that hangs to end."""


class Lease:
    """Counts the requests that an engine has under way, and bounds how long it may stall.

    For one event loop. `stall_seconds` comes on top of the length of the speech at work.
    """

    def __init__(self, stall_seconds: float = STALL_SECONDS) -> None:
        self._stall_seconds = stall_seconds
        self._count = 0
        self._speech_seconds = 0.0
        self._released = asyncio.Event()
        self._released.set()

    @property
    def in_use(self) -> bool:
        return self._count > 0

    @property
    def stall_timeout(self) -> float:
        """Seconds without progress after which the engine has failed."""
        return self._stall_seconds + self._speech_seconds

    @contextmanager
    def hold(self, speech_seconds: float) -> Iterator[None]:
        """Marks the engine as in use, for that much speech, while the context lasts."""
        self._count += 1
        self._speech_seconds += speech_seconds
        self._released.clear()
        try:
            yield
        finally:
            self._count -= 1
            self._speech_seconds -= speech_seconds
            if not self._count:
                self._released.set()

    async def wait_released(self) -> None:
        """Returns when no request is under way."""
        await self._released.wait()


class _Leased(Generic[E]):
    """Wraps an engine: counts its requests, and fails those that it stalls on."""

    def __init__(self, engine: E, lease: Lease) -> None:
        self._engine = engine
        self._lease = lease

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def stuck_seconds(self) -> float:
        return self._engine.stuck_seconds

    async def close(self) -> None:
        await self._engine.close()

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises EngineFailed where the engine makes no progress in time.

        Only time at work counts: a request that is queued behind others may wait longer.
        """
        task = asyncio.create_task(work)
        try:
            while not task.done():
                left = self._lease.stall_timeout - self.stuck_seconds
                if left <= 0:
                    raise EngineFailed(f"{self.name} gives no answer")
                await asyncio.wait({task}, timeout=left)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


class LeasedTranscriber(_Leased[Transcriber]):
    """A Transcriber under a lease."""

    @property
    def supports_interim(self) -> bool:
        return self._engine.supports_interim

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        with self._lease.hold(len(audio) / 2 / INPUT_RATE):
            return await self._in_time(self._engine.transcribe(audio, language, ticket))


class LeasedSynthesizer(_Leased[Synthesizer]):
    """A Synthesizer under a lease, from the first chunk asked for to the last one given."""

    @property
    def voices(self) -> tuple[str, ...]:
        return self._engine.voices

    @property
    def streams(self) -> bool:
        return self._engine.streams

    async def synthesize(
        self, text: str, voice: Voice, ticket: Ticket | None = None
    ) -> AsyncIterator[bytes]:
        with self._lease.hold(voice.seconds(text)):
            chunks = aiter(self._engine.synthesize(text, voice, ticket))
            while True:
                chunk = await self._in_time(_next(chunks))
                if chunk is None:
                    return
                yield chunk


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


class RetiredEngines(Generic[E]):
    """Engines that were replaced: each is closed once its lease is released."""

    def __init__(self) -> None:
        self._retired: list[tuple[E, Lease]] = []
        self._closing: dict[asyncio.Task[None], E] = {}

    def add(self, engine: E, lease: Lease) -> None:
        self._retired.append((engine, lease))

    async def close_released(self) -> None:
        """Closes them, each when nobody uses it any more, and returns their memory.

        One that does not end within 30 s is left to itself.
        """
        if not self._retired:
            return
        while self._retired:
            engine, lease = self._retired.pop()
            closing = asyncio.create_task(_close_released(engine, lease))
            self._closing[closing] = engine
            closing.add_done_callback(self._closing.pop)
            _, late = await asyncio.wait({closing}, timeout=_CLOSING_SECONDS)
            if late:
                log.error("%s does not end; the memory it holds stays taken", engine.name)
            del engine, closing  # a reference would keep the memory
        await asyncio.to_thread(return_freed_memory)

    async def close(self) -> None:
        """Closes them at once, in use or not."""
        engines = [*self._closing.values(), *(engine for engine, _ in self._retired)]
        self._retired.clear()
        for closing in list(self._closing):
            closing.cancel()
        for engine in engines:
            await engine.close()


async def _close_released(engine: E, lease: Lease) -> None:
    await lease.wait_released()
    await engine.close()


def return_freed_memory() -> None:
    """Collects reference cycles of closed engines and returns free pages to the system. Blocks.

    glibc keeps what is freed for the next allocation of this process, hundreds of megabytes in
    the case of a model. Other C libraries return it by themselves or have no such call.
    """
    # What was loaded at the start is frozen (see engine_runtime.py), the engines among it.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
