"""Failover between endpoints on real ports: the next answers in the same turn."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from appliance.circuit_breaker import RETRY_SECONDS
from appliance.config.loader import Config, load
from appliance.llm.answer_events import AnswerWords, ModelCall
from appliance.llm.endpoint import Endpoint, endpoint_at
from appliance.llm.failover import FailoverClient, failover_client
from appliance.llm.failover_stream import FAILURES, RESTART_APOLOGY
from appliance.llm.providers import Address
from appliance.llm.slots import SlotLeases
from tests.chat_server import Body, Call, ChatServer, Reply, Trouble, chat_server
from tests.llm.stream_shapes import call, calling, deltas

MESSAGES = [{"role": "user", "content": "How far is the moon?"}]


@dataclass
class Scenario:
    """A client whose endpoints give the replies of the test, and a clock that the test sets."""

    models: FailoverClient
    chats: list[ChatServer]
    replies: list[Reply]
    now: list[float]
    asked: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    async def answer(self) -> str:
        """The text of an answer."""
        stream = await self.models.create(self.note, stream=True, messages=MESSAGES, model="x")
        said = [event.text async for event in stream if isinstance(event, AnswerWords)]
        await stream.close()
        return "".join(said)

    async def note(self, chosen: Endpoint) -> None:
        self.asked.append(chosen.model)


@asynccontextmanager
async def asking(
    *replies: Reply,
    policy: str = "off",
    outside: int | None = None,
    key: str = "",
    patience: float = 30.0,
) -> AsyncIterator[Scenario]:
    """Endpoints with those replies; the one at the place `outside` does not count as local, and the
    first has `patience` seconds to begin."""
    said, now, changes = list(replies), [0.0], list[str]()
    names = [f"model-{place}" for place in range(len(said))]
    async with AsyncExitStack() as stack:
        chats = [
            await stack.enter_async_context(chat_server(lambda _m, n=n: said[n]))  # type: ignore[misc]
            for n in range(len(said))
        ]
        urls = [chat.base_url for chat in chats]
        if outside is not None:
            urls[outside] = urls[outside].replace("127.0.0.1", "0.0.0.0")
        config = _config(names, urls, policy, patience)
        secrets = {"OPENAI_API_KEY": key}
        found = failover_client(config, secrets, lambda: changes.append(""), lambda: now[0])
        assert found is not None
        stack.push_async_callback(found.close)
        yield Scenario(found, chats, said, now, changes=changes)


def _config(names: list[str], urls: list[str], policy: str, patience: float) -> Config:
    others = [
        {"provider": "custom", "base_url": url, "model": name, "first_token_seconds": 30}
        for name, url in zip(names[1:], urls[1:], strict=True)
    ]
    settings = {
        "LLM__PROVIDER": "custom",
        "LLM__BASE_URL": urls[0],
        "LLM__MODEL": names[0],
        "LLM__FIRST_TOKEN_SECONDS": str(patience),
        "LLM__ALTERNATIVES": json.dumps(others),
        "FALLBACK__POLICY": policy,
    }
    return load([], {f"APPLIANCE__{key}": value for key, value in settings.items()})


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=500),
        Trouble(status=401),
        Trouble(status=429),
        Trouble(stall=True),
        Trouble(garbage=True),
        Trouble(break_after=0),
    ],
    ids=str,
)
async def test_the_next_endpoint_answers_where_one_fails(trouble: Trouble) -> None:
    async with asking(trouble, "It is far away.", patience=0.3) as a:
        assert await a.answer() == "It is far away."
        assert a.asked == ["model-0", "model-1"]
        assert len(a.changes) == 1
        assert a.models.current.model == "model-1"
        # The next turn does not wait for what just failed.
        assert await a.answer() == "It is far away."
        assert a.asked == ["model-0", "model-1", "model-1"]
        assert a.chats[1].requests[-1]["model"] == "model-1"


async def test_a_stream_that_breaks_off_restarts_with_the_next_endpoint() -> None:
    async with asking(Trouble(break_after=4), "It is far away.") as a:
        assert await a.answer() == f"This is where it{RESTART_APOLOGY}It is far away."
        # One break does not open the breaker; three in a minute do.
        assert a.models.current.model == "model-0"
        for _ in range(2):
            await a.answer()
        assert a.models.current.model == "model-1"


async def test_a_refused_request_does_not_open_the_breaker() -> None:
    async with asking(Trouble(status=400), "It is far away.") as a:
        assert await a.answer() == "It is far away."
        assert a.models.current.model == "model-0"


async def test_the_last_error_is_raised_where_none_answers() -> None:
    async with asking(Trouble(status=500), Trouble(status=500)) as a:
        with pytest.raises(FAILURES):
            await a.answer()
        a.replies[0] = "Here I am."
        # All breakers are open; the endpoint whose retry is due first is asked anyway.
        assert await a.answer() == "Here I am."
        assert a.asked == ["model-0", "model-1", "model-0"]


async def test_a_tool_call_is_passed_on() -> None:
    tools = [{"type": "function", "function": {"name": "get_time", "parameters": {}}}]
    async with asking(Trouble(status=503), Call("get_time", {})) as a:
        stream = await a.models.create(a.note, stream=True, messages=MESSAGES, tools=tools)
        called = [event async for event in stream if isinstance(event, ModelCall)]
        assert [call.name for call in called] == ["get_time"]
        await stream.close()


async def test_a_model_without_a_word_leaves_the_answer_to_the_next() -> None:
    mute = Body((deltas({"reasoning": "Hm."}, finish="length"),))
    async with asking(mute, "It is far away.") as a:
        assert await a.answer() == "It is far away."
        # It answers; so it is no failure.
        assert a.models.current.model == "model-0"
    async with asking(mute) as a:
        assert await a.answer() == ""


async def test_half_a_tool_call_is_taken_back() -> None:
    half = calling(call("get_time", "{}"), finish=None).replace(b"data: [DONE]", b"data: {bad")
    async with asking(Body((half,)), "It is far away.") as a:
        assert await a.answer() == "It is far away."


async def test_a_context_that_is_too_long_is_shortened_and_remembered() -> None:
    refusal = {"error": {"message": "exceeds the available context size", "n_ctx": 400}}
    async with asking("It is far away.") as a:
        a.chats[0].script = lambda messages: (
            "It is far away."
            if len(str(messages)) < 1_600
            else Body((json.dumps(refusal).encode(),), status=400)
        )
        history = [{"role": "user", "content": f"question {n} " * 20} for n in range(30)]
        for _ in range(2):
            messages = [{"role": "system", "content": "Be brief."}, *history, *MESSAGES]
            stream = await a.models.create(a.note, stream=True, messages=messages)
            said = [event.text async for event in stream if isinstance(event, AnswerWords)]
            await stream.close()
            assert "".join(said) == "It is far away."
            kept = a.chats[0].requests[-1]["messages"]
            assert (kept[0]["role"], kept[-1]) == ("system", MESSAGES[0])
        assert len(a.chats[0].requests) == 3  # refused once


async def test_a_thought_of_a_whole_answer_is_left_out() -> None:
    async with asking("<think>Hm.</think>In short.") as a:
        made = await a.models.create(a.note, stream=False, messages=MESSAGES)
        assert made.choices[0].message.content == "In short."


async def test_a_completion_without_a_stream_fails_over_too() -> None:
    async with asking(Trouble(status=503), "In short.") as a:
        made = await a.models.create(a.note, stream=False, messages=MESSAGES)
        assert made.choices[0].message.content == "In short."


async def test_a_failed_endpoint_is_retried_when_due_and_idle() -> None:
    async with asking(Trouble(status=500), "It is far away.") as a:
        await a.answer()
        await a.models.retry(0, lambda: True)
        assert len(a.chats[0].requests) == 1  # not yet
        a.now[0] += RETRY_SECONDS[0]
        await a.models.retry(0, lambda: False)
        assert len(a.chats[0].requests) == 1  # not while somebody talks
        await a.models.retry(0, lambda: True)
        assert len(a.chats[0].requests) == 2  # still broken
        a.replies[0] = "Better."
        a.now[0] += RETRY_SECONDS[1]
        await a.models.retry(0, lambda: True)
        assert a.models.current.model == "model-0"
        assert len(a.changes) == 2
        tried = a.chats[0].requests[-1]
        assert (tried["messages"], tried["max_tokens"]) == (
            [{"role": "user", "content": "Hello"}],
            1,
        )
        assert await a.answer() == "Better."


@pytest.mark.parametrize(
    ("policy", "asked"),
    [("off", ["model-0", "model-1"]), ("on_failure", ["model-0", "model-1", "model-2"])],
)
async def test_alternatives_elsewhere_need_the_fallback_policy(
    policy: str, asked: list[str]
) -> None:
    down = [Trouble(status=500)] * 3
    async with asking(*down, policy=policy, outside=2, key="secret") as a:
        with pytest.raises(FAILURES):
            await a.answer()
        assert a.asked == asked
        # The key of llm.provider is not sent to the alternatives.
        assert [chat.keys for chat in a.chats[:2]] == [["Bearer secret"], ["Bearer none"]]
        assert "Bearer secret" not in a.chats[2].keys


async def test_a_model_that_is_not_loaded_yet_has_not_failed() -> None:
    """The next endpoint answers meanwhile; the first is asked again with the next question."""
    starting = [True]
    async with (
        chat_server(lambda _: Trouble(status=503) if starting[0] else "I am here.") as own,
        chat_server(lambda _: "It is far away.") as other,
    ):
        endpoints = [
            replace(
                endpoint_at(Address(own.base_url, "own", "", ""), 30.0),
                is_starting=lambda: starting[0],
                prefills=True,
            ),
            endpoint_at(Address(other.base_url, "other", "", ""), 30.0),
        ]
        models = FailoverClient(endpoints, lambda: None, lambda: 0.0)
        a = Scenario(models, [own, other], [], [0.0])
        assert (models.is_starting, models.prefills) == (True, False)
        assert await a.answer() == "It is far away."
        assert models.current.model == "own"
        starting[0] = False
        assert (models.is_starting, models.prefills) == (False, True)
        assert await a.answer() == "I am here."
        assert a.asked == ["own", "other", "own"]
        await models.prefill("s", {"messages": MESSAGES})
        assert own.requests[-1]["max_tokens"] == 1
        await models.close()


async def test_a_prefill_that_fails_changes_nothing() -> None:
    async with asking(Trouble(status=500)) as a:
        await a.models.prefill("s", {"messages": MESSAGES})
        assert a.changes == []


async def test_each_session_has_a_slot_of_the_models_server() -> None:
    async with chat_server(lambda _: "It is far away.") as own:
        endpoint = endpoint_at(Address(own.base_url, "own", "", ""), 30)
        slots = SlotLeases(2)
        models = FailoverClient(
            [replace(endpoint, prefills=True, slots=slots)], lambda: None, lambda: 0.0
        )
        asked: Any = {"messages": MESSAGES, "model": "x"}

        async def note(_chosen: Endpoint) -> None:
            pass

        for session in "aba":
            await models.prefill(session, {"messages": MESSAGES})
            answer = await models.create(note, None, session, stream=True, **asked)
            await answer.close()
        assert [body["id_slot"] for body in own.requests] == [0, 0, 1, 1, 0, 0]
        # Who only opens a session takes nobody's slot; nor does what is no conversation.
        await models.prefill("c", {"messages": MESSAGES})
        await models.create(note, **asked)
        assert len(own.requests) == 7
        assert "id_slot" not in own.requests[-1]
        models.session_ended("b")
        await models.prefill("c", {"messages": MESSAGES})
        assert own.requests[-1]["id_slot"] == 1
        await models.close()


async def test_without_a_managed_model_the_alternatives_are_asked() -> None:
    async with chat_server(lambda _: "It is far away.") as other:
        alternative = {"provider": "custom", "base_url": other.base_url, "model": "other"}
        settings = {"APPLIANCE__LLM__ALTERNATIVES": json.dumps([alternative])}
        models = failover_client(load([], settings), {}, lambda: None)
        assert models
        a = Scenario(models, [other], [], [0.0])
        assert await a.answer() == "It is far away."
        assert not models.prefills
        await models.close()
    assert failover_client(load([], {}), {}, lambda: None) is None
