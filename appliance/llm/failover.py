"""The language models, in the order in which they are asked: the next one where one fails.

All sessions share them. The first is the owner's choice and always asked; of the alternatives
those on this machine, and others where `fallback.policy` allows it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import httpx2
from openai import APIError, APIStatusError

from appliance.circuit_breaker import CircuitBreaker, attempt_order
from appliance.config.loader import Config
from appliance.llm.endpoint import Endpoint, endpoint

log = logging.getLogger(__name__)

RECHECK_SECONDS = 1.0  # how often it is looked whether a due attempt finds nobody in a turn
# The request itself is what they mind; another one may be answered.
_REQUEST_FAULTS = (400, 413, 422)
# What an endpoint may do wrong: refuse, break off, send what is not JSON, be silent.
FAILURES: Final = (APIError, httpx2.HTTPError, TimeoutError, ValueError)
AGAIN = " Sorry, let me start again. "

Asked = Callable[[Endpoint], Awaitable[None]]
"""Told of an endpoint before it is asked."""


def endpoints(
    config: Config,
    secrets: Mapping[str, str],
    changed: Callable[[], None],
    now: Callable[[], float] = time.monotonic,
) -> "FailoverClient | None":
    """Those that may be asked; None where no model is configured."""
    first = endpoint(config.llm, secrets)
    if first is None:
        return None
    found = [first]
    for alternative in config.llm.alternatives:
        other = endpoint(alternative, secrets)
        if other is None:
            continue
        if other.left_the_box and config.fallback.policy == "off":
            log.warning("%s is never asked, since fallback.policy is off", other.name)
        else:
            found.append(other)
    return FailoverClient(found, changed, now)


class FailoverClient:
    """`changed` is called, on the loop, whenever another endpoint is the first to be asked."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        changed: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self._endpoints = list(endpoints)
        self._breakers = [CircuitBreaker() for _ in endpoints]
        self._changed = changed
        self._now = now
        self._told = 0

    @property
    def first(self) -> Endpoint:
        """The owner's choice."""
        return self._endpoints[0]

    @property
    def current(self) -> Endpoint:
        """The one that is asked next."""
        return self._endpoints[attempt_order(self._breakers)[0]]

    async def create(self, asked: Asked, **params: Any) -> Any:  # noqa: ANN401  openai's own types
        """A completion as openai's `chat.completions.create`, by the first that answers in time.

        A stream has begun when it is returned, and goes on with the next endpoint where it breaks
        off. Raises one of FAILURES where nobody answers, the last one's.
        """
        return await self._ask(attempt_order(self._breakers), asked, params)

    async def _ask(self, places: list[int], asked: Asked, params: Mapping[str, Any]) -> Any:  # noqa: ANN401
        place, others = places[0], places[1:]
        chosen = self._endpoints[place]
        await asked(chosen)
        try:
            answer = await _begin(chosen, params)
        except FAILURES as error:
            self._failed(place, error)
            if not others:
                raise
            return await self._ask(others, asked, params)
        self._answered(place)
        if isinstance(answer, FailoverStream):
            answer.broke = lambda error: self._failed(place, error, midway=True)
            answer.resume = (lambda: self._ask(others, asked, params)) if others else None
        return answer

    def _failed(self, place: int, error: Exception, *, midway: bool = False) -> None:
        log.warning("%s failed: %s", self._endpoints[place].name, _told(error))
        breaker, now = self._breakers[place], self._now()
        status = error.status_code if isinstance(error, APIStatusError) else 0
        if midway or status in _REQUEST_FAULTS:
            breaker.record_error(now)
        else:
            breaker.record_failure(now)
        self._tell()

    def _answered(self, place: int) -> None:
        if self._breakers[place].record_success(self._now()):
            log.info("%s answers again", self._endpoints[place].name)
        self._tell()

    def _tell(self) -> None:
        first = attempt_order(self._breakers)[0]
        if first != self._told:
            self._told = first
            self._changed()

    async def tend(self, idle: Callable[[], bool]) -> None:
        """Tries what was left when its time comes and nobody is in a turn. Runs until cancelled.

        A single endpoint is asked in every turn anyway.
        """
        while len(self._endpoints) > 1:
            await asyncio.sleep(RECHECK_SECONDS)
            for place in range(len(self._breakers)):
                await self.retry(place, idle)

    async def retry(self, place: int, idle: Callable[[], bool]) -> None:
        """Asks one that was left for a token about nothing, and nobody's words, if it is time."""
        breaker, chosen = self._breakers[place], self._endpoints[place]
        if not (breaker.is_due(self._now()) and idle()):
            return
        hello = [{"role": "user", "content": "Hello"}]
        try:
            await _begin(chosen, {"messages": hello, "max_tokens": 1})
        except FAILURES as error:
            log.info("%s still fails: %s", chosen.name, _told(error))
            breaker.record_failure(self._now())
            return
        if idle():  # else somebody has begun to talk: no answer changes its author half way
            self._answered(place)

    async def close(self) -> None:
        for each in self._endpoints:
            await each.client.close()


class FailoverStream:
    """A stream of chunks that has begun to answer, as openai's.

    `broke` is told what it broke off with; `resume`, where there is one, asks somebody else, and
    what that one says follows after an apology.
    """

    def __init__(self, stream: Any, chunks: AsyncIterator[Any], head: list[Any]) -> None:  # noqa: ANN401
        self._stream = stream
        self._chunks = chunks
        self._head = head
        self._words: Any = None
        self._calls_tools = False
        self.broke: Callable[[Exception], None] = lambda _error: None
        self.resume: Callable[[], Awaitable[Any]] | None = None

    @classmethod
    async def of(cls, stream: Any) -> "FailoverStream":  # noqa: ANN401
        """Waits for the first sign of an answer. Raises ValueError where there is nothing."""
        chunks = aiter(stream)
        head: list[Any] = []
        try:
            async for chunk in chunks:
                head.append(chunk)
                if _says_something(chunk):
                    break
            if not head:
                raise ValueError("the answer is empty")
        except BaseException:
            await stream.close()
            raise
        return cls(stream, chunks, head)

    def __aiter__(self) -> "FailoverStream":
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401
        try:
            chunk = self._head.pop(0) if self._head else await anext(self._chunks)
        except FAILURES as error:
            self.broke(error)
            # Half a tool call cannot be taken back.
            if self.resume is None or self._calls_tools:
                raise
            return await self._go_on(self.resume)
        if chunk.choices and (delta := chunk.choices[0].delta):
            self._calls_tools |= bool(delta.tool_calls)
            self._words = chunk if delta.content else self._words
        return chunk

    async def _go_on(self, resume: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        await self._stream.close()
        self._stream = self._chunks = await resume()
        self.broke, self.resume = lambda _error: None, None
        if self._words is None:
            return await anext(self._chunks)
        apology = self._words.model_copy(deep=True)
        apology.choices[0].delta.content = AGAIN
        return apology

    async def close(self) -> None:
        await self._stream.close()


async def _begin(chosen: Endpoint, params: Mapping[str, Any]) -> Any:  # noqa: ANN401
    async with asyncio.timeout(chosen.first_token_seconds):
        made = await chosen.client.chat.completions.create(**{**params, "model": chosen.model})
        return await FailoverStream.of(made) if params.get("stream") else made


def _says_something(chunk: Any) -> bool:  # noqa: ANN401
    """Whether a chunk is more than a greeting: words, thoughts, a tool's name, or the end."""
    if not chunk.choices:
        return False
    choice = chunk.choices[0]
    if choice.finish_reason or not choice.delta:
        return bool(choice.finish_reason)
    more = choice.delta.model_extra or {}
    thinks = more.get("reasoning_content") or more.get("reasoning")
    return bool(choice.delta.content or choice.delta.tool_calls or thinks)


def _told(error: Exception) -> str:
    """The cause in a line; timeouts have no words of their own."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
