"""Who interrupts several times in a row is asked about in the order in which it was said."""

from pathlib import Path
from typing import Any

import pytest

from appliance.client import Arrival, calling
from tests.chat_server import chat_server
from tests.daemon import LEAD_IN, LEAD_OUT, MICRO_MODELS, command, running
from tests.stranger import until

LONG = (
    "There is a lot to say about it, and it will take a while. It changes with the day, and with "
    "the season, and with the place. People have talked about it ever since they could, and they "
    "will go on to do so. Some of them write it down, and others forget it."
)
QUESTION = "what is the weather in paris"
WORDS = ("pause", "reset", "pause")


def _said(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (message["role"], str(message["content"]).lower().strip(" ."))
        for message in messages
        if message["role"] in ("user", "assistant")
    ]


def _heard(arrival: Arrival) -> bool:
    return arrival.kind == "user-transcription" and bool(arrival.data["final"])


def _users(history: list[tuple[str, str]]) -> list[str]:
    return [text for role, text in history if role == "user"]


@pytest.mark.slow
async def test_interruptions_in_quick_succession_keep_the_history_in_order(tmp_path: Path) -> None:
    async with chat_server(lambda _messages: LONG) as chat:
        overrides = {
            **MICRO_MODELS,
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
        }
        async with running(tmp_path, overrides) as daemon, calling(daemon.base_url) as call:
            end = await call.say(command("what_is_the_weather_in_paris"))
            began = await call.wait_for(
                lambda a: a.kind == "bot-started-speaking", since=end, seconds=60
            )
            await call.wait_for(lambda a: a.kind == "audio", since=began.at + 2.0, seconds=60)
            for word in WORDS:
                end = await call.say(command(word)[len(LEAD_IN) : -len(LEAD_OUT)])
                await call.wait_for(_heard, since=end - 0.5, seconds=60)

            async def is_asked() -> bool:
                said = [_said(one["messages"]) for one in chat.requests]
                return any(_users(each) == [QUESTION, *WORDS] for each in said)

            await until(is_asked, seconds=60)
            histories = [_said(one["messages"]) for one in chat.requests]
    for history in histories:
        users = _users(history)
        assert users == [QUESTION, *WORDS][: len(users)], history
    first = next(history for history in histories if history[-1] == ("user", WORDS[0]))
    (_, question), (role, heard), (_, _) = first
    assert (question, role) == (QUESTION, "assistant")
    assert LONG.lower().startswith(heard[:40])
    assert len(heard) < len(LONG) - 40, "only what was heard of the answer is in the history"
    # Nothing of an answer comes after the words that interrupted it.
    assert histories[-1][: len(first) - 1] == first[:-1]
