"""A language model fails during a conversation: the next one answers, and the user learns of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.client import Call, calling
from appliance.voice.services.llm import GONE_OUT
from tests.chat_server import ChatServer, Reply, Trouble, chat_server
from tests.daemon import running

pytestmark = pytest.mark.slow


def asking(first: ChatServer, other: str, policy: str) -> dict[str, str]:
    alternative = {"provider": "custom", "base_url": other, "model": "other"}
    return {
        "APPLIANCE__LLM__PROVIDER": "custom",
        "APPLIANCE__LLM__BASE_URL": first.base_url,
        "APPLIANCE__LLM__MODEL": "mine",
        "APPLIANCE__LLM__ALTERNATIVES": json.dumps([alternative]),
        "APPLIANCE__FALLBACK__POLICY": policy,
    }


def outside(chat: ChatServer) -> str:
    """Returns the same port under an address that counts as another machine's."""
    return chat.base_url.replace("127.0.0.1", "0.0.0.0")


async def heard(call: Call, asked: str, words: str) -> str:
    """Asks, and returns what is spoken, once it contains `words` and has ended."""
    sent = await call.type(asked)

    def spoken() -> str:
        return " ".join(a.data["text"] for a in call.after(sent, "bot-tts-text"))

    await call.wait_for(lambda _: words in spoken())
    await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
    return spoken()


def routes(call: Call) -> list[dict[str, Any]]:
    messages = [arrival.data for arrival in call.after(0, "server-message")]
    return [data for data in messages if data["type"] == "route"]


async def test_the_next_model_answers_in_the_same_turn(tmp_path: Path) -> None:
    async with (
        chat_server(lambda _: Trouble(status=500)) as first,
        chat_server(lambda _: "It is far away.") as other,
        running(tmp_path, asking(first, outside(other), "on_failure")) as daemon,
        calling(daemon.base_url) as call,
    ):
        aloud = await heard(call, "how far away is the moon", "far away.")
        assert aloud == f"{GONE_OUT} It is far away."
        await call.wait_for(lambda _: len(routes(call)) > 1)
        before, after = routes(call)[0], routes(call)[-1]
        assert (before["left_the_box"], after["left_the_box"]) == (False, True)
        assert after["engines"]["llm"].startswith("other at 0.0.0.0")
        # The notice is spoken once, and the failed model is not waited for again.
        assert await heard(call, "and how far is the sun", "far away.") == "It is far away."
        assert len(first.requests) == 1
        # A command needs no model.
        await heard(call, "what day is it", "day")
        _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
        assert [turn["left_the_box"] for turn in kept["turns"]] == [True, True, False]
        assert await daemon.metric("appliance_reroutes_total") == 1


async def test_an_answer_that_breaks_off_is_continued_outside_after_a_notice(
    tmp_path: Path,
) -> None:
    begun = "The moon is a large stone. It is so far away that nobody has gone there on foot."
    replies: list[Reply] = [Trouble(break_after=12, text=begun), Trouble(status=500)]
    async with (
        chat_server(lambda _: replies.pop(0) if replies else "Here I am.") as first,
        chat_server(lambda _: "It is far away.") as other,
        running(tmp_path, asking(first, outside(other), "on_failure")) as daemon,
        calling(daemon.base_url) as call,
    ):
        aloud = await heard(call, "how far away is the moon", "far away.")
        assert "stone." in aloud
        assert aloud.index(GONE_OUT) < aloud.index("It is far away.")
        # The first is asked again and fails again, so no notice says that it works.
        assert await heard(call, "and how far is the sun", "far away.") == "It is far away."
        assert len(first.requests) == 2


async def test_with_policy_off_no_model_outside_is_asked(tmp_path: Path) -> None:
    async with (
        chat_server(lambda _: Trouble(status=500)) as first,
        chat_server(lambda _: "It is far away.") as other,
        running(tmp_path, asking(first, outside(other), "off")) as daemon,
        calling(daemon.base_url) as call,
    ):
        await heard(call, "how far away is the moon", "reach my language model")
        assert not other.requests
        assert not any(route["left_the_box"] for route in routes(call))
