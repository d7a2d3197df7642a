"""The answer of one endpoint as events, and of the next one where it breaks off."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from openai import APIError

from appliance.llm.answer_events import (
    AnswerEvent,
    AnswerWords,
    CallBegun,
    Ended,
    ModelCall,
    Unsaid,
)
from appliance.llm.answer_reader import AnswerLimits, AnswerReader
from appliance.llm.endpoint import Endpoint
from appliance.llm.normaliser import AnswerNormaliser, plain_words

FAILURES: Final = (APIError, httpx2.HTTPError, TimeoutError, ValueError)
"""What a failing endpoint raises: it refuses, breaks off, sends invalid JSON, or is silent."""
RESTART_APOLOGY: Final = " Sorry, let me start again. "


@dataclass(frozen=True, slots=True)
class ModelQuestion:
    """The parameters of a chat completion, and the limits of its answer.

    `session` is the one that asks; empty for a question of nobody's conversation. `slot` is that of
    the server, where one was chosen already.
    """

    params: Mapping[str, Any]
    limits: AnswerLimits
    session: str = ""
    slot: int | None = None

    def slot_at(self, endpoint: Endpoint) -> int | None:
        """The slot of the endpoint's server that is to answer; None where the server chooses."""
        if self.slot is not None or endpoint.slots is None or not self.session:
            return self.slot
        return endpoint.slots.for_question(self.session)


@dataclass(slots=True)
class EndpointState:
    """What was learned of an endpoint.

    `window`: the tokens of messages that fit its context, None while it has refused none.
    `thinks_first`: its template swallows the opening mark of thoughts.
    """

    window: int | None = None
    thinks_first: bool = False


Resume = Callable[[], Awaitable[Any]]
"""Asks the next endpoint the same question and returns its stream."""


class FailoverStream:
    """The events of an answer that has begun, and survives that its endpoint breaks off.

    `failed` is called with the error. `resume` opens the answer that takes over, after a spoken
    apology if words were said already; None where no endpoint is left. An answer `is_mute` that
    ended without a word and without a call.
    """

    def __init__(
        self,
        stream: Any,  # noqa: ANN401  openai's AsyncStream
        events: AsyncGenerator[AnswerEvent],
        state: EndpointState,
        failed: Callable[[Exception], None] | None,
        resume: Resume | None,
    ) -> None:
        self._stream = stream
        self._events = events
        self._state = state
        self._head: list[AnswerEvent] = []
        self._next: FailoverStream | None = None
        self._failed = failed
        self._resume = resume
        self._has_said = False
        self.is_mute = False

    @classmethod
    async def begin(
        cls,
        stream: Any,  # noqa: ANN401
        events: AsyncGenerator[AnswerEvent],
        state: EndpointState,
        failed: Callable[[Exception], None] | None,
        resume: Resume | None,
    ) -> "FailoverStream":
        """Waits for the first word or call. Raises one of FAILURES."""
        answer = cls(stream, events, state, failed, resume)
        try:
            async for event in events:
                answer._head.append(event)
                answer.is_mute = isinstance(event, Ended)
                if isinstance(event, AnswerWords | CallBegun | ModelCall | Ended):
                    return answer
        except BaseException:
            await answer.close()
            raise
        raise AssertionError("an answer ends with Ended")

    def __aiter__(self) -> "FailoverStream":
        return self

    async def __anext__(self) -> AnswerEvent:
        if self._next is not None:  # which reports its own failures
            return await anext(self._next)
        try:
            event = self._head.pop(0) if self._head else await anext(self._events)
        except FAILURES as error:
            if self._failed is not None:
                self._failed(error)
            if self._resume is None:
                raise
            return await self._continue(self._resume)
        if isinstance(event, Unsaid):
            self._state.thinks_first = True
        self._has_said = (self._has_said or isinstance(event, AnswerWords)) and event != Unsaid()
        return event

    async def _continue(self, resume: Resume) -> AnswerEvent:
        """Switches to the next endpoint's answer."""
        await self.close()
        self._next = await resume()
        # No call of the broken answer was passed on: calls come last.
        return AnswerWords(RESTART_APOLOGY) if self._has_said else await anext(self._next)

    async def close(self) -> None:
        """Ends the answer and frees its connection."""
        if self._next is not None:
            await self._next.close()
        await self._events.aclose()
        await self._stream.close()


async def completion(
    endpoint: Endpoint,
    asked: ModelQuestion,
    state: EndpointState,
    failed: Callable[[Exception], None] | None = None,
    resume: Resume | None = None,
) -> Any:  # noqa: ANN401
    """A completion that begins within the endpoint's time limit. Raises one of FAILURES."""
    params = {**asked.params, "model": endpoint.model}
    if (slot := asked.slot_at(endpoint)) is not None:
        params["extra_body"] = {"id_slot": slot}
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(endpoint.first_token_seconds):
        made = await endpoint.client.chat.completions.create(**params)
    if not params.get("stream"):
        return _without_marks(made)
    normaliser = AnswerNormaliser(
        _tool_names(params.get("tools")), asked.limits.calls, thinks_first=state.thinks_first
    )
    left = max(0.0, began + endpoint.first_token_seconds - loop.time())
    reader = AnswerReader(made.response.aiter_bytes(), normaliser, asked.limits, left)
    return await FailoverStream.begin(made, aiter(reader), state, failed, resume)


def _tool_names(tools: Any) -> list[str]:  # noqa: ANN401  openai's types, or its NOT_GIVEN
    return [tool["function"]["name"] for tool in tools] if isinstance(tools, list) else []


def _without_marks(made: Any) -> Any:  # noqa: ANN401  openai's ChatCompletion
    """A whole answer without thoughts and marks of the template."""
    if not made.choices:
        raise ValueError("the answer is empty")
    message = made.choices[0].message
    if message.content:
        message.content = plain_words(message.content)
    return made
