"""Each turn ends in words, in an act or in an apology, whatever the model's server sends.

A fake server plays the shapes of tests/llm/stream_shapes.py on a real port; the appliance, its
pipeline and its voice are real.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from appliance.client import Call, calling
from appliance.conversation import (
    ANSWER_FILTERED,
    CUT_SHORT,
    MODEL_BUSY,
    MODEL_SILENT,
    MODEL_THINKS,
    NOTHING_TO_SAY,
)
from appliance.errors import SessionError
from appliance.llm.answer_events import End
from tests.chat_server import Body, ChatServer, Reply, Trouble, chat_server
from tests.daemon import Daemon, running
from tests.llm.stream_shapes import (
    NOON,
    SHAPES,
    Shape,
    chunk,
    deltas,
    said,
    sse,
)
from tests.llm.stream_shapes import call as called
from tests.llm.stream_shapes import calling as calls

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

QUESTION = "tell me something about this please"
NEXT = "and now about the moon please"
CLEAN = "It is far away."
DONE = "I have done so."
SECONDS = 45.0
"""How long a turn may take on a busy machine; the budgets of the turn are far shorter."""
SECRETS = ("Hm.", "user wants", "I should look", "A timer, then", "believe me", "<|", "</", "[TOOL")


@dataclass
class Model:
    """A scripted endpoint, and the appliance that uses it.

    The first request of a question is answered with `reply`, those that follow with `later`.
    """

    daemon: Daemon
    chat: ChatServer
    reply: Reply = CLEAN
    later: Reply = DONE

    def script(self, messages: list[dict[str, Any]]) -> Reply:
        if messages[-1]["role"] == "user":
            return self.reply if messages[-1]["content"] == QUESTION else CLEAN
        return self.later


SETTINGS = {
    "APPLIANCE__LLM__PROVIDER": "custom",
    "APPLIANCE__LLM__FIRST_TOKEN_SECONDS": "4",
    "APPLIANCE__LLM__GAP_SECONDS": "2",
    "APPLIANCE__LLM__TURN_SECONDS": "20",
    "APPLIANCE__LLM__TURN_TOKENS": "5500",
    "APPLIANCE__LLM__SYSTEM_PROMPT": "Be brief.",
    "APPLIANCE__LLM__CONTEXT_TOKENS": "6000",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Model]:
    model: list[Model] = []
    async with chat_server(lambda messages: model[0].script(messages)) as chat:
        settings = {**SETTINGS, "APPLIANCE__LLM__BASE_URL": chat.base_url}
        async with running(tmp_path_factory.mktemp("appliance"), settings) as daemon:
            model.append(Model(daemon, chat))
            yield model[0]


@pytest.fixture
def model(served: Model) -> Model:
    served.reply, served.later = CLEAN, DONE
    served.chat.requests.clear()
    return served


def heard(call: Call, since: float) -> str:
    return " ".join(a.data["text"] for a in call.after(since, "bot-tts-text"))


async def hears(call: Call, since: float, *words: str) -> None:
    """Waits until the words have been heard, or one of them."""
    try:
        await call.wait_for(lambda _: any(w in heard(call, since) for w in words), seconds=SECONDS)
    except SessionError as error:
        raise AssertionError(f"{words} was not heard, but {heard(call, since)!r}") from error


async def next_turn_is_clean(model: Model, call: Call) -> None:
    sent = await call.type(NEXT)
    await hears(call, sent, "far away.")
    assert not any(word in heard(call, sent) for word in ("Sorry", DONE))
    context = json.dumps(model.chat.requests[-1]["messages"], ensure_ascii=False)
    context.encode()
    assert not any(secret in context for secret in SECRETS)
    assert "IN_PROGRESS" not in context
    results = [
        m["tool_call_id"] for m in model.chat.requests[-1]["messages"] if m["role"] == "tool"
    ]
    assert len(results) == len(set(results))


def outcome(shape: Shape) -> str:
    """What one hears in the place of an answer; empty where there is one."""
    if any(map(str.isalnum, shape.words)) and not shape.fails:
        return ""
    if shape.calls:
        return DONE
    if shape.fails:
        return "reach my language model"
    if shape.end is End.FILTERED:
        return ANSWER_FILTERED
    return MODEL_THINKS if shape.end is End.LENGTH else NOTHING_TO_SAY


GROUP = 15
GROUPS = [SHAPES[first : first + GROUP] for first in range(0, len(SHAPES), GROUP)]


@pytest.mark.parametrize("shapes", GROUPS, ids=lambda shapes: f"from {shapes[0].name}")
async def test_turns_end_in_words_or_in_acts(model: Model, shapes: Sequence[Shape]) -> None:
    """One turn a shape, in one session: each begins clean."""
    async with calling(model.daemon.base_url) as call:
        for shape in shapes:
            try:
                await one_turn(model, call, shape)
            except (AssertionError, SessionError) as error:
                raise AssertionError(f"{shape.name}: {error}") from error
        await next_turn_is_clean(model, call)
        shown = "".join(a.data["text"] for a in call.after(0, "bot-llm-text"))
    quoted = "".join(shape.words for shape in shapes)
    for secret in SECRETS:
        assert secret not in heard(call, 0)
        assert secret not in shown or secret in quoted


async def one_turn(model: Model, call: Call, shape: Shape) -> None:
    model.reply = Body((shape.body,))
    asked = await call.type(QUESTION)
    # What comes before this belongs to the turn before.
    begun = await call.wait_for(lambda a: a.kind == "bot-llm-started", since=asked, seconds=SECONDS)
    since = begun.at
    await call.wait_for(lambda _: outcome(shape) in heard(call, since) != "", seconds=SECONDS)
    if shape.calls:
        await hears(call, since, DONE)
        messages = model.chat.requests[-1]["messages"]
        newest = max(n for n, message in enumerate(messages) if message["role"] == "user")
        check_calls(shape, messages[newest:])
    elif not outcome(shape):
        assert "Sorry" not in heard(call, since)


def check_calls(shape: Shape, messages: list[dict[str, Any]]) -> None:
    """The model got its calls back, each with a result or with the reason why there is none."""
    asked = [c["function"]["name"] for m in messages for c in m.get("tool_calls", ())]
    assert asked == [name for name, _ in shape.calls]
    results = [m["content"] for m in messages if m["role"] == "tool"]
    for result, (name, arguments) in zip(results, shape.calls, strict=True):
        is_done = arguments is not None and name in ("get_time", "set_timer")
        assert ('"spoken"' in result) == is_done, result


async def asks(model: Model, *words: str, later: Reply = DONE) -> None:
    model.later = later
    async with calling(model.daemon.base_url) as call:
        sent = await call.type(QUESTION)
        await hears(call, sent, *words)
        await next_turn_is_clean(model, call)


async def test_a_thought_for_ever_is_no_word(model: Model) -> None:
    thought = sse(chunk({"reasoning_content": "Hm. "}), done=False)
    model.reply = Body((thought,) * 1_000, seconds=0.05)
    await asks(model, MODEL_THINKS)


async def test_silence_behind_the_role(model: Model) -> None:
    model.reply = Body((sse(chunk({"role": "assistant"}), done=False),), hangs=True)
    await asks(model, MODEL_SILENT)


async def test_a_gap_between_words(model: Model) -> None:
    begin = sse(chunk({"content": "It is nearly but. "}), done=False)
    trickle = tuple(bytes([byte]) for byte in said("no more"))
    model.reply = Body((begin, *trickle), seconds=0.3)
    await asks(model, "reach my language model")


async def test_an_end_after_which_the_connection_stays_open(model: Model) -> None:
    model.reply = Body((deltas({"content": NOON}).replace(b"data: [DONE]\n\n", b""),), hangs=True)
    await asks(model, "noon.")


async def test_a_tool_that_is_called_again_and_again(model: Model) -> None:
    model.reply = Body((calls(called("get_time", "{}")),))
    await asks(model, "It is", NOTHING_TO_SAY, later=model.reply)
    rounds = [r for r in model.chat.requests if r["messages"][-1]["role"] == "tool"]
    assert len(rounds) == 5
    assert "tools" in rounds[-2]
    assert "tools" not in rounds[-1]


async def test_the_model_is_told_once_that_arguments_are_no_json(model: Model) -> None:
    model.reply = Body((calls(called("set_timer", "{bad")),))
    await asks(model, NOTHING_TO_SAY, later=model.reply)
    rounds = [r for r in model.chat.requests if r["messages"][-1]["role"] == "tool"]
    assert ["tools" in r for r in rounds] == [True, False]


async def test_a_model_that_says_nothing_after_a_tool(model: Model) -> None:
    model.reply = Body((calls(called("set_timer", '{"minutes": 10}')),))
    await asks(model, "Timer set", later=Body((deltas({"role": "assistant"}),)))


async def test_a_flood_of_sentences(model: Model) -> None:
    sentence = sse(*(chunk({"content": f"Sentence {n} is here. "}) for n in range(100)), done=False)
    model.reply = Body((sentence,) * 300, seconds=0.1)
    async with calling(model.daemon.base_url) as call:
        sent = await call.type(QUESTION)
        await hears(call, sent, "Sentence one is", "Sentence 1 is")
        await call.wait_for(
            lambda a: a.kind == "bot-llm-text" and CUT_SHORT in a.data["text"],
            since=sent,
            seconds=150.0,  # so long does the pace make it
        )
        await next_turn_is_clean(model, call)


async def resident(daemon: Daemon) -> float:
    _, health = await daemon.get("/health")
    return float(health["resident_bytes"]) / 1e6


async def test_floods_of_bytes_are_refused_and_leave_no_memory(model: Model) -> None:
    model.reply = Body((deltas({"content": "x"}),))
    before = await resident(model.daemon)
    million = b"x" * 1_000_000
    for body in (
        (b"data: ", *(million,) * 10, b"\n\n"),
        tuple(calls(called("set_timer", "x" * 200_000), finish=None) for _ in range(50)),
        tuple(sse(chunk({"reasoning": "x" * 200_000}), done=False) for _ in range(50)),
        tuple(sse(chunk({}), done=False) * 5_000 for _ in range(100)),
        tuple(calls(called("get_time", "{}", index=n), finish=None) for n in range(2_000)),
    ):
        model.reply = Body(body)
        await asks(model, "Sorry", DONE)
    assert await resident(model.daemon) - before < 60


async def test_a_thought_whose_opening_mark_is_missing_is_withdrawn(model: Model) -> None:
    thought = "It is hard to tell. They may mean the clock. Or the sun."
    pieces = (deltas({"content": thought}, finish=None), said(f"</think>\n\n{NOON}"))
    model.reply = Body(tuple(piece.replace(b"data: [DONE]\n\n", b"") for piece in pieces), 0.2)
    async with calling(model.daemon.base_url) as call:
        sent = await call.type(QUESTION)
        await hears(call, sent, "noon.")
        assert "Or the sun." not in heard(call, sent)
        # From now on, the end of the thought is waited for.
        sent = await call.type(QUESTION)
        begun = await call.wait_for(
            lambda a: a.kind == "bot-llm-started", since=sent, seconds=SECONDS
        )
        await hears(call, begun.at, "noon.")
        assert "hard" not in heard(call, begun.at)
        await next_turn_is_clean(model, call)


async def test_too_many_requests_is_said(model: Model) -> None:
    model.reply = Trouble(status=429)
    await asks(model, MODEL_BUSY)


async def test_a_context_that_is_too_long_is_shortened_and_asked_again(model: Model) -> None:
    window = 600
    error = {
        "error": {
            "code": 400,
            "message": "the request exceeds the available context size, try increasing it",
            "type": "exceed_context_size_error",
            "n_ctx": window,
        }
    }

    def answer(messages: list[dict[str, Any]]) -> Reply:
        if len(str(messages)) > 4 * window:
            return Body((json.dumps(error).encode(),), status=400)
        return NOON

    async with calling(model.daemon.base_url) as call:
        for number in range(6):
            model.reply = "The stars " * 40 + "end."
            sent = await call.type(QUESTION)
            await hears(call, sent, "The stars")
            await call.type(f"the planets {number} " * 60)
        script, model.chat.script = model.chat.script, answer
        try:
            sent = await call.type("how is it now then please")
            await hears(call, sent, "noon.")
        finally:
            model.chat.script = script
        await next_turn_is_clean(model, call)
