"""Asks the configured language models in order: the next one answers where one fails.

All sessions share one `FailoverClient`. The first endpoint is `llm.provider` and is always asked;
of `llm.alternatives` those on this machine, and others if `fallback.policy` allows it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from openai import APIStatusError

from appliance.circuit_breaker import CircuitBreaker, attempt_order
from appliance.config.loader import Config
from appliance.llm.answer_reader import AnswerLimits
from appliance.llm.call_assembly import CallLimits
from appliance.llm.context import estimated_tokens, shortened
from appliance.llm.context_length import context_window, is_context_too_long
from appliance.llm.endpoint import Endpoint, configured_endpoint
from appliance.llm.failover_stream import (
    FAILURES,
    EndpointState,
    FailoverStream,
    ModelQuestion,
    Resume,
    completion,
)
from appliance.llm.surrogates import valid_json

log = logging.getLogger(__name__)

RECHECK_SECONDS = 1.0
"""Seconds between two looks for an endpoint whose retry is due while nobody is in a turn."""
_REQUEST_FAULTS = (400, 413, 422)
"""HTTP statuses that reject the request, not the client: the next request may be answered."""
MOST_SHORTENINGS: Final = 4
"""Times that a context is shortened for one request."""

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

    `managed` is the model that the appliance runs itself. Where llm.provider is "auto" and there is
    none, the alternatives are asked alone.
    """
    first = managed or configured_endpoint(config.llm, secrets, config.llm.answer_bytes)
    if first is None and config.llm.provider != "auto":
        return None
    endpoints = [first] if first else []
    for alternative in config.llm.alternatives:
        other = configured_endpoint(alternative, secrets, config.llm.answer_bytes)
        if other is None:
            continue
        if other.left_the_box and config.fallback.policy == "off":
            log.warning("%s is never asked, since fallback.policy is off", other.name)
        else:
            endpoints.append(other)
    if not endpoints:
        return None
    return FailoverClient(endpoints, changed, now, answer_limits(config))


def answer_limits(config: Config) -> AnswerLimits:
    """The configured limits of an answer."""
    llm = config.llm
    return AnswerLimits(
        gap_seconds=llm.gap_seconds,
        seconds=llm.turn_seconds,
        tokens=llm.turn_tokens,
        line_bytes=llm.line_bytes,
        calls=CallLimits(llm.calls_per_answer, llm.argument_bytes),
    )


class FailoverClient:
    """Chat completions over several endpoints, one circuit breaker each.

    `changed` is called on the event loop whenever another endpoint becomes the first to be asked.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        changed: Callable[[], None],
        now: Callable[[], float],
        limits: AnswerLimits | None = None,
    ) -> None:
        self.limits = limits or AnswerLimits()
        self._endpoints = list(endpoints)
        self._states = [EndpointState() for _ in endpoints]
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
    def is_off(self) -> bool:
        """Whether the model that would be asked next has given way, to save memory."""
        return self.current.is_off()

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

    async def prefill(self, session: str, params: Mapping[str, Any]) -> None:
        """Has the model compute a prompt ahead of the question; a failure changes nothing.

        Nothing is computed where every slot of the server belongs to another session.
        """
        slots = self.current.slots
        slot = slots.for_computing_ahead(session) if slots else None
        if slots and slot is None:
            return
        try:
            question = ModelQuestion({**params, "max_tokens": 1}, self.limits, slot=slot)
            await completion(self.current, question, self._states[0])
        except FAILURES as error:
            log.info("%s did not compute ahead: %s", self.current.name, _cause(error))

    def session_ended(self, session: str) -> None:
        """Frees the slots that a session had."""
        for endpoint in self._endpoints:
            if endpoint.slots:
                endpoint.slots.release(session)

    async def create(
        self,
        before: BeforeRequest,
        limits: AnswerLimits | None = None,
        session: str = "",
        **params: Any,  # noqa: ANN401  openai's own types
    ) -> Any:  # noqa: ANN401
        """A completion as by openai's `chat.completions.create`, from the first that answers.

        `session` is the one that asks. With `stream`, the answer has begun when it is returned; it
        is a FailoverStream of events within the `limits`, and continues with the next endpoint
        where it breaks off. Raises the last endpoint's error, one of FAILURES, if none answers.
        """
        params["messages"] = valid_json(params["messages"])
        asked = ModelQuestion(params, limits or self.limits, session)
        return await self._ask(attempt_order(self._breakers), before, asked)

    async def _ask(self, places: Sequence[int], before: BeforeRequest, asked: ModelQuestion) -> Any:  # noqa: ANN401
        """Tries the endpoint at the first of `places`, then the next."""
        for number, place in enumerate(places, start=1):
            remaining = places[number:]
            await before(self._endpoints[place])
            try:
                answer = await self._answer_that_fits(
                    place,
                    asked,
                    partial(self._ask, remaining, before, asked) if remaining else None,
                )
            except FAILURES as error:
                self._failed(place, error)
                if not remaining:
                    raise
            else:
                self._succeeded(place)
                if not (remaining and isinstance(answer, FailoverStream) and answer.is_mute):
                    return answer
                log.info("%s has nothing to say", self._endpoints[place].name)
                await answer.close()
        raise AssertionError("attempt_order() names at least one endpoint")

    async def _answer_that_fits(
        self, place: int, asked: ModelQuestion, resume: Resume | None
    ) -> Any:  # noqa: ANN401
        """The answer of an endpoint, after as many tries as its context window needs."""
        endpoint, state = self._endpoints[place], self._states[place]
        messages = shortened(asked.params["messages"], state.window)
        for _ in range(MOST_SHORTENINGS):
            fitting = replace(asked, params={**asked.params, "messages": messages})
            try:
                return await completion(
                    endpoint, fitting, state, partial(self._failed, place, midway=True), resume
                )
            except APIStatusError as error:
                if not is_context_too_long(error):
                    raise
                size = estimated_tokens(messages)
                window = min(context_window(error) or size, size) // 2
                log.info("%s: the context is too long, it is shortened", endpoint.name)
                shorter = shortened(messages, window)
                if shorter == messages:
                    raise
                messages, state.window = shorter, window
        return await completion(endpoint, fitting, state, None, resume)

    def _failed(self, place: int, error: Exception, *, midway: bool = False) -> None:
        if self._endpoints[place].is_starting() or self._endpoints[place].is_off():
            # Not now: a pause after which it is tried again would outlast the loading.
            log.info("%s is not loaded", self._endpoints[place].name)
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
            request = ModelQuestion({"messages": hello, "max_tokens": 1}, self.limits)
            await completion(endpoint, request, self._states[place])
        except FAILURES as error:
            log.info("%s still fails: %s", endpoint.name, _cause(error))
            breaker.record_failure(self._now())
            return
        if idle():  # a turn that has begun meanwhile keeps the endpoint that answers it
            self._succeeded(place)

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.client.close()


def _cause(error: Exception) -> str:
    """The cause in one line; a timeout has no message of its own."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
