"""Reads an answer from the network within its limits of time and size.

bytes ─► EventReader ─► AnswerNormaliser ─► events, each in time or not at all
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final

import httpx2

from appliance.llm.answer_events import (
    AnswerEvent,
    AnswerWords,
    CallBegun,
    End,
    Ended,
    ModelCall,
    Thought,
)
from appliance.llm.call_assembly import CallLimits
from appliance.llm.normaliser import AnswerNormaliser
from appliance.llm.server_events import BadStream, EventReader

CLOSING_SECONDS: Final = 1.0
"""How long a server may keep the connection open behind the end of its answer."""
DRAIN_SECONDS: Final = 0.05
CHARACTERS_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """The limits of one answer.

    `gap_seconds`: the longest time without a word once the answer has begun. `seconds` and `tokens`
    are for the whole answer; thoughts and calls count. `line_bytes` is the longest line of the
    stream, `calls` limits tool calls.
    """

    gap_seconds: float = 10.0
    seconds: float = 60.0
    tokens: int = 4_000
    line_bytes: int = 262_144
    calls: CallLimits = field(default_factory=CallLimits)


class NoWordInTime(TimeoutError):
    """The model thinks, and says nothing."""


class AnswerReader:
    """The events of one answer, as an asynchronous iterator. Used once.

    It raises TimeoutError where no word comes in time (a thought is none), BadStream for what is no
    answer, and httpx2.HTTPError where the connection fails. An answer that passes its limits ends
    with `End.TOO_LONG`. Time in which the consumer is busy does not count.
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        normaliser: AnswerNormaliser,
        limits: AnswerLimits,
        first_word_seconds: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._body = body
        self._normaliser = normaliser
        self._reader = EventReader(limits.line_bytes)
        self._limits = limits
        self._now = now
        self._began = now()
        self._word_until = self._began + first_word_seconds
        self._characters = 0
        self._has_thought = self._has_begun = False
        self._events = self._closed_events()

    def __aiter__(self) -> AsyncGenerator[AnswerEvent]:
        return self._events

    async def _closed_events(self) -> AsyncGenerator[AnswerEvent]:
        try:
            async with aclosing(self._whole()) as events:
                async for event in events:
                    yield event
        finally:
            if isinstance(self._body, AsyncGenerator):
                await self._body.aclose()

    async def _whole(self) -> AsyncGenerator[AnswerEvent]:
        received = False
        while (data := await self._next_bytes()) is not None:
            for chunk in self._reader.feed(data):
                received = True
                for event in self._normaliser.feed(chunk):
                    self._count(event)
                    if self._is_too_long:
                        yield Ended(End.TOO_LONG)
                        return
                    paused_at = self._now()
                    yield event
                    self._resumed(self._now() - paused_at)
            if self._is_too_long:
                yield Ended(End.TOO_LONG)
                return
            if self._reader.done:
                break
        for event in self._last_events(received=received):
            yield event
        # A connection whose response was read to its end can be used again.
        with suppress(TimeoutError, httpx2.HTTPError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await anext(self._body, None)

    def _last_events(self, *, received: bool) -> Iterator[AnswerEvent]:
        for chunk in self._reader.end():
            received = True
            yield from self._normaliser.feed(chunk)
        if not received:
            raise BadStream("the answer is empty")
        yield from self._normaliser.end()

    async def _next_bytes(self) -> bytes | None:
        """The next bytes; None at the end."""
        if self._normaliser.has_ended:
            with suppress(TimeoutError, httpx2.HTTPError):
                async with asyncio.timeout(CLOSING_SECONDS):
                    return await anext(self._body, None)
            return None
        left = min(self._word_until, self._began + self._limits.seconds) - self._now()
        try:
            if left <= 0:
                raise TimeoutError
            async with asyncio.timeout(left):
                return await anext(self._body, None)
        except TimeoutError:
            if self._is_too_long:
                return b""
            if self._has_thought and not self._has_begun:
                raise NoWordInTime("it thinks, and says nothing") from None
            raise TimeoutError("no word came in time") from None

    @property
    def _is_too_long(self) -> bool:
        out_of_time = self._now() >= self._began + self._limits.seconds
        return out_of_time or self._characters > CHARACTERS_PER_TOKEN * self._limits.tokens

    def _count(self, event: AnswerEvent) -> None:
        if isinstance(event, Thought):
            self._has_thought = True
            self._characters += event.characters
        elif isinstance(event, AnswerWords | CallBegun | ModelCall):
            if isinstance(event, AnswerWords):
                self._characters += len(event.text)
            elif isinstance(event, CallBegun):
                self._characters += event.characters
            self._has_begun = True
            self._word_until = self._now() + self._limits.gap_seconds

    def _resumed(self, paused_seconds: float) -> None:
        self._began += paused_seconds
        self._word_until += paused_seconds
