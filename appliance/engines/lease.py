"""Leases: count the users of an engine, bound the time it takes, and close it when replaced."""

import asyncio
import ctypes
import gc
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

from appliance.audio.format import INPUT_RATE
from appliance.engines import E, Priority, Synthesizer, Ticket, Transcriber, Transcript, Voice
from appliance.errors import EngineOverloaded, EngineStalled

log = logging.getLogger(__name__)

T = TypeVar("T")

STALL_SECONDS: Final = 4.0
"""How long an engine may make no progress, beside the length of the speech at work, by the clock of
`stall_clock.StallClock`. `limits.engine_seconds` overrides it."""
OVERLOAD_FACTOR: Final = 2.0
"""After how many times that limit, by the wall clock, a user who listens into silence is better
served by the starter engine than by a good one that has too little of the processors."""
_CHECKS: Final = 8
"""How often within the limit an engine at work is looked at."""
_SHORTEST_MEASURE: Final = 1.0
"""Seconds. Shorter speech costs more for its length than any other."""
_CLOSING_SECONDS: Final = 30.0
"""How long the next engine waits for a replaced one that hangs to end."""


class Lease:
    """Counts the requests that an engine has under way, and bounds the time that they may take.

    For one event loop. `stall_seconds` comes on top of the length of the speech at work. The engine
    counts as overloaded after `overload_factor` times that; never where this is infinite.
    `real_time_factor` is the least that was measured: on processors with nothing else to do.
    """

    def __init__(
        self,
        stall_seconds: float = STALL_SECONDS,
        overload_factor: float = OVERLOAD_FACTOR,
        real_time_factor: float | None = None,
    ) -> None:
        self._stall_seconds = stall_seconds
        self._overload_factor = overload_factor
        self.real_time_factor = real_time_factor
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

    @property
    def overload_timeout(self) -> float:
        """Seconds of the wall clock after which the engine is overloaded."""
        return self._overload_factor * self.stall_timeout

    def record(self, ticket: Ticket | None, seconds: float, speech_seconds: float) -> None:
        """Records how long a finished request took.

        One that was answered from a cache, on which no work began, says nothing of the engine.
        """
        has_begun = ticket is not None and ticket.started_at is not None
        if has_begun and speech_seconds >= _SHORTEST_MEASURE:
            known = self.real_time_factor
            factor = seconds / speech_seconds
            self.real_time_factor = factor if known is None else min(known, factor)

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

    async def _in_time(self, work: Coroutine[Any, Any, T], ticket: Ticket | None) -> T:
        """The result of `work`.

        Raises EngineStalled where the engine makes no progress in time: only time at work counts,
        as a request that is queued behind others may wait longer. Raises EngineOverloaded where
        `ticket` is of somebody who waits, and has waited too long for an engine that does work.
        A request without a ticket may take any time.
        """
        task = asyncio.create_task(work)
        begin = time.monotonic()
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=self._lease.stall_timeout / _CHECKS)
                if task.done():
                    break
                if self.stuck_seconds >= self._lease.stall_timeout:
                    raise EngineStalled(f"{self.name} gives no answer")
                waited = time.monotonic() - begin
                if _is_awaited(ticket) and waited >= self._lease.overload_timeout:
                    raise EngineOverloaded(
                        f"{self.name} is far too slow: it has too little of the processors"
                    )
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})


def _is_awaited(ticket: Ticket | None) -> bool:
    return ticket is not None and ticket.priority is Priority.NOW


class LeasedTranscriber(_Leased[Transcriber]):
    """A Transcriber under a lease."""

    @property
    def is_idle(self) -> bool:
        return self._engine.is_idle

    @property
    def supports_interim(self) -> bool:
        return self._engine.supports_interim

    async def transcribe(
        self, audio: bytes, language: str = "en", ticket: Ticket | None = None
    ) -> Transcript:
        seconds = len(audio) / 2 / INPUT_RATE
        begin = time.monotonic()
        with self._lease.hold(seconds):
            work = self._engine.transcribe(audio, language, ticket)
            transcript = await self._in_time(work, ticket)
        self._lease.record(ticket, time.monotonic() - begin, seconds)
        return transcript


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
        seconds, taken = voice.seconds(text), 0.0
        # Once a sentence has begun it is not given up for being slow: it would be cut off.
        awaited = ticket
        with self._lease.hold(seconds):
            chunks = aiter(self._engine.synthesize(text, voice, ticket))
            while True:
                begin = time.monotonic()
                chunk = await self._in_time(_next(chunks), awaited)
                taken += time.monotonic() - begin
                if chunk is None:
                    break
                awaited = None
                yield chunk
        self._lease.record(ticket, taken, seconds)


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
    """Collects reference cycles of closed engines and returns free pages to the system. Blocks."""
    # What was loaded at the start is frozen (see engine_runtime.py), the engines among it.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return_free_pages()


def return_free_pages() -> None:
    """Returns free pages to the system.

    glibc keeps what is freed for the next allocation of this process, hundreds of megabytes in
    the case of a model. Other C libraries return it by themselves or have no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
