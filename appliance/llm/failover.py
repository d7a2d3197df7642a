"""Asks the configured language models in order: the next one answers where one fails.

All sessions share one `FailoverClient`. The first endpoint is `llm.provider` and is always asked;
of `llm.alternatives` those on this machine, and others if `fallback.policy` allows it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import httpx2
from openai import APIError, APIStatusError

from appliance.circuit_breaker import CircuitBreaker, attempt_order
from appliance.config.loader import Config
from appliance.llm.endpoint import Endpoint, configured_endpoint

log = logging.getLogger(__name__)

RECHECK_SECONDS = 1.0
"""Seconds between two looks for an endpoint whose retry is due while nobody is in a turn."""
_REQUEST_FAULTS = (400, 413, 422)
"""HTTP statuses that reject the request, not the client: the next request may be answered."""
FAILURES: Final = (APIError, httpx2.HTTPError, TimeoutError, ValueError)
"""What a failing endpoint raises: it refuses, breaks off, sends invalid JSON, or is silent."""
RESTART_APOLOGY: Final = " Sorry, let me start again. "

BeforeRequest = Callable[[Endpoint], Awaitable[None]]
"""Called with each endpoint before it is asked."""


def failover_client(
    config: Config,
    secrets: Mapping[str, str],
    changed: Callable[[], None],
    now: Callable[[], float] = time.monotonic,
    managed: Endpoint | None = None,
) -> "FailoverClient | None":
    """The client for the endpoints that may be asked; None if no model is configured.

    `managed` is the model that the appliance runs itself, if it does.
    """
    first = managed or configured_endpoint(config.llm, secrets)
    if first is None:
        return None
    endpoints = [first]
    for alternative in config.llm.alternatives:
        other = configured_endpoint(alternative, secrets)
        if other is None:
            continue
        if other.left_the_box and config.fallback.policy == "off":
            log.warning("%s is never asked, since fallback.policy is off", other.name)
        else:
            endpoints.append(other)
    return FailoverClient(endpoints, changed, now)


class FailoverClient:
    """Chat completions over several endpoints, one circuit breaker each.

    `changed` is called on the event loop whenever another endpoint becomes the first to be asked.
    """

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
        self._reported = 0

    @property
    def first(self) -> Endpoint:
        """The owner's choice."""
        return self._endpoints[0]

    @property
    def is_starting(self) -> bool:
        """Whether the model that would be asked next is not loaded yet."""
        return self.current.is_starting()

    @property
    def current(self) -> Endpoint:
        """The endpoint that the next request goes to."""
        return self._endpoints[attempt_order(self._breakers)[0]]

    @property
    def prefills(self) -> bool:
        """Whether the model that would be asked next is loaded and keeps prompts computed."""
        return self.current.prefills and not self.is_starting

    @property
    def history_tokens(self) -> int:
        """The most that a conversation may take of the context of the model asked next."""
        return self.current.history_tokens()

    async def prefill(self, params: Mapping[str, Any]) -> None:
        """Has the model compute a prompt ahead of the question; a failure changes nothing."""
        try:
            await _completion(self.current, {**params, "max_tokens": 1})
        except FAILURES as error:
            log.info("%s did not compute ahead: %s", self.current.name, _cause(error))

    async def create(self, before: BeforeRequest, **params: Any) -> Any:  # noqa: ANN401  openai's own types
        """A completion as by openai's `chat.completions.create`, from the first that answers.

        A stream has begun when it is returned, and continues with the next endpoint where it
        breaks off. Raises the last endpoint's error, one of FAILURES, if none answers.
        """
        return await self._ask(attempt_order(self._breakers), before, params)

    async def _ask(self, places: Sequence[int], before: BeforeRequest, params: Any) -> Any:  # noqa: ANN401
        """Tries the endpoint at the first of `places`, then the next."""
        for number, place in enumerate(places, start=1):
            remaining = places[number:]
            await before(self._endpoints[place])
            try:
                answer = await _completion(
                    self._endpoints[place],
                    params,
                    partial(self._failed, place, midway=True),
                    partial(self._ask, remaining, before, params) if remaining else None,
                )
            except FAILURES as error:
                self._failed(place, error)
                if not remaining:
                    raise
            else:
                self._succeeded(place)
                return answer
        raise AssertionError("attempt_order() names at least one endpoint")

    def _failed(self, place: int, error: Exception, *, midway: bool = False) -> None:
        if self._endpoints[place].is_starting():
            # Not yet: a pause after which it is tried again would outlast the loading.
            log.info("%s is not loaded yet", self._endpoints[place].name)
            return
        log.warning("%s failed: %s", self._endpoints[place].name, _cause(error))
        breaker, now = self._breakers[place], self._now()
        status = error.status_code if isinstance(error, APIStatusError) else 0
        if midway or status in _REQUEST_FAULTS:
            breaker.record_error(now)
        else:
            breaker.record_failure(now)
        self._report_change()

    def _succeeded(self, place: int) -> None:
        if self._breakers[place].record_success(self._now()):
            log.info("%s answers again", self._endpoints[place].name)
        self._report_change()

    def _report_change(self) -> None:
        first = attempt_order(self._breakers)[0]
        if first != self._reported:
            self._reported = first
            self._changed()

    async def keep_retrying(self, idle: Callable[[], bool]) -> None:
        """Retries failed endpoints when they are due and `idle` holds. Runs until cancelled.

        A single endpoint is asked in every turn anyway.
        """
        while len(self._endpoints) > 1:
            await asyncio.sleep(RECHECK_SECONDS)
            for place in range(len(self._breakers)):
                await self.retry(place, idle)

    async def retry(self, place: int, idle: Callable[[], bool]) -> None:
        """Asks a failed endpoint for one token if its retry is due; no user's words are sent."""
        breaker, endpoint = self._breakers[place], self._endpoints[place]
        if not (breaker.is_due(self._now()) and idle()):
            return
        hello = [{"role": "user", "content": "Hello"}]
        try:
            await _completion(endpoint, {"messages": hello, "max_tokens": 1})
        except FAILURES as error:
            log.info("%s still fails: %s", endpoint.name, _cause(error))
            breaker.record_failure(self._now())
            return
        if idle():  # a turn that has begun meanwhile keeps the endpoint that answers it
            self._succeeded(place)

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.client.close()


Resume = Callable[[], Awaitable[Any]]
"""Asks the next endpoint the same question and returns its stream."""


class FailoverStream:
    """A stream of openai's chunks that has begun, and survives that its endpoint breaks off.

    `failed` is called with the error. `resume` opens the stream that takes over, after a spoken
    apology if words were said already; None where no endpoint is left.
    """

    def __init__(
        self,
        stream: Any,  # noqa: ANN401  openai's AsyncStream, or another FailoverStream
        chunks: AsyncIterator[Any],
        head: list[Any],
        failed: Callable[[Exception], None] | None,
        resume: Resume | None,
    ) -> None:
        self._stream = stream
        self._chunks = chunks
        self._head = head
        self._failed = failed
        self._resume = resume
        self._last_text_chunk: Any = None
        self._calls_tools = False

    @classmethod
    async def begin(
        cls,
        stream: Any,  # noqa: ANN401
        failed: Callable[[Exception], None] | None,
        resume: Resume | None,
    ) -> "FailoverStream":
        """Waits for the first sign of an answer. Raises ValueError for an empty stream."""
        chunks = aiter(stream)
        head: list[Any] = []
        try:
            async for chunk in chunks:
                head.append(chunk)
                if _begins_answer(chunk):
                    break
            if not head:
                raise ValueError("the answer is empty")
        except BaseException:
            await stream.close()
            raise
        return cls(stream, chunks, head, failed, resume)

    def __aiter__(self) -> "FailoverStream":
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401
        try:
            chunk = self._head.pop(0) if self._head else await anext(self._chunks)
        except FAILURES as error:
            if self._failed is not None:
                self._failed(error)
            # Half a tool call cannot be taken back.
            if self._resume is None or self._calls_tools:
                raise
            return await self._continue(self._resume)
        if chunk.choices and (delta := chunk.choices[0].delta):
            self._calls_tools |= bool(delta.tool_calls)
            self._last_text_chunk = chunk if delta.content else self._last_text_chunk
        return chunk

    async def _continue(self, resume: Resume) -> Any:  # noqa: ANN401
        """Switches to the next endpoint's stream, which reports its own failures."""
        await self._stream.close()
        self._stream = self._chunks = await resume()
        self._failed = self._resume = None
        if self._last_text_chunk is None:
            return await anext(self._chunks)
        apology = self._last_text_chunk.model_copy(deep=True)
        apology.choices[0].delta.content = RESTART_APOLOGY
        return apology

    async def close(self) -> None:
        await self._stream.close()


async def _completion(
    endpoint: Endpoint,
    params: Mapping[str, Any],
    failed: Callable[[Exception], None] | None = None,
    resume: Resume | None = None,
) -> Any:  # noqa: ANN401
    """A completion that begins within the endpoint's time limit. Raises one of FAILURES."""
    async with asyncio.timeout(endpoint.first_token_seconds):
        made = await endpoint.client.chat.completions.create(**{**params, "model": endpoint.model})
        return await FailoverStream.begin(made, failed, resume) if params.get("stream") else made


def _begins_answer(chunk: Any) -> bool:  # noqa: ANN401
    """Whether a chunk carries more than a role: text, reasoning, a tool's name, or the end."""
    if not chunk.choices:
        return False
    choice = chunk.choices[0]
    if choice.finish_reason or not choice.delta:
        return bool(choice.finish_reason)
    more = choice.delta.model_extra or {}
    reasoning = more.get("reasoning_content") or more.get("reasoning")
    return bool(choice.delta.content or choice.delta.tool_calls or reasoning)


def _cause(error: Exception) -> str:
    """The cause in one line; a timeout has no message of its own."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
