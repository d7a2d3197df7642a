"""A language model that fails, sends markup or meets its limits: the user hears an answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from appliance.client import Call, calling
from tests.chat_server import ChatServer, Reply, Trouble, chat_server
from tests.daemon import Daemon, running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

APOLOGY = "reach my language model"
APOLOGIES = {"a wrong key": "does not accept the key", "too many requests": "too many requests"}


@dataclass
class Model:
    """A scripted endpoint, and the appliance that uses it."""

    daemon: Daemon
    chat: ChatServer
    reply: Reply = "Yes."
    troubles: dict[str, Trouble] = field(default_factory=dict)

    def script(self, messages: list[dict[str, Any]]) -> Reply:
        return self.troubles.get(messages[-1]["content"], self.reply)


def asking(base_url: str) -> dict[str, str]:
    return {
        "APPLIANCE__LLM__PROVIDER": "custom",
        "APPLIANCE__LLM__BASE_URL": base_url,
        "APPLIANCE__LLM__FIRST_TOKEN_SECONDS": "5",
        "APPLIANCE__LLM__CONTEXT_TOKENS": "400",
        "APPLIANCE__LLM__SYSTEM_PROMPT": "Be brief.",
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Model]:
    model: list[Model] = []
    async with chat_server(lambda messages: model[0].script(messages)) as chat:
        state = tmp_path_factory.mktemp("appliance")
        async with running(state, asking(chat.base_url)) as daemon:
            model.append(Model(daemon, chat))
            yield model[0]


@pytest.fixture
def model(served: Model) -> Model:
    served.reply = "Yes."
    served.chat.requests.clear()
    return served


async def spoken(call: Call, since: float, words: str) -> None:
    """Waits until `words` have been spoken."""

    def all_of_it(_: object) -> bool:
        return words in " ".join(a.data["text"] for a in call.after(since, "bot-tts-text"))

    await call.wait_for(all_of_it)


async def answers_a_command(call: Call) -> None:
    sent = await call.type("what day is it")
    await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)


TROUBLES = {
    "an error": Trouble(status=500),
    "a wrong key": Trouble(status=401),
    "too many requests": Trouble(status=429),
    "silence": Trouble(stall=True),
    "garbage": Trouble(garbage=True),
    "a lost connection": Trouble(break_after=0),
    "half an answer": Trouble(break_after=4),
}


async def test_a_model_in_trouble_is_apologised_for(model: Model) -> None:
    async def one(name: str) -> None:
        asked = f"tell me about {name} please"
        async with calling(model.daemon.base_url) as call:
            sent = await call.type(asked)
            await spoken(call, sent, APOLOGIES.get(name, APOLOGY))
            await answers_a_command(call)
            sent = await call.type("and now about the moon please")
            await spoken(call, sent, "far away.")
        # Asked once: an apology comes sooner than a second try. Commands do not ask it at all.
        assert [r["messages"][-1]["content"] for r in model.chat.requests].count(asked) == 1

    model.troubles = {f"tell me about {name} please": kind for name, kind in TROUBLES.items()}
    model.reply = "It is far away."
    await asyncio.gather(*map(one, TROUBLES))
    assert len(model.chat.requests) == 2 * len(TROUBLES)


async def test_markup_emoji_and_code_are_not_spoken(model: Model) -> None:
    model.reply = (
        "## Answer\n\n**Hello** there 😀, see `this` and [that](https://example.org/x).\n\n"
        "```python\nprint('secret')\n```\n\n* Goodbye\n"
    )
    async with calling(model.daemon.base_url) as call:
        sent = await call.type("how does one say hello")
        await spoken(call, sent, "Goodbye")
        spoken_text = " ".join(a.data["text"] for a in call.after(sent, "bot-tts-text"))
        for word in ("Answer", "Hello", "there", "this", "that"):
            assert word in spoken_text
        for silent in ("*", "#", "`", "😀", "print", "secret", "example.org"):
            assert silent not in spoken_text
        # The page shows the text of the model, with its code.
        written = "".join(a.data["text"] for a in call.after(sent, "bot-llm-text"))
        assert "print('secret')" in written
        # So does one that shows what is spoken as it is spoken: code in its place, and not aloud.
        segments = [a.data for a in call.after(sent, "bot-output")]
        shown = [data["text"] for data in segments if not data["will_be_spoken"]]
        assert shown == ["```python\nprint('secret')\n```"]
        texts = [data["text"] for data in segments]
        before = next(text for text in texts if "that" in text)
        after = next(text for text in texts if "Goodbye" in text)
        assert texts.index(before) < texts.index(shown[0]) < texts.index(after)
        # Other clients get it without markup, to its end, where there is no full stop.
        await call.wait_for(lambda a: a.kind == "bot-llm-stopped", since=sent)
        lines = [a.data["text"] for a in call.after(sent, "bot-transcription")]
        assert "Goodbye" in lines[-1]
        assert not set("*#`") & set("".join(lines))


async def test_an_answer_without_words_is_put_into_words(model: Model) -> None:
    async with calling(model.daemon.base_url) as call:
        for nothing, words in (
            ("", "no answer"),
            ("😀😀", "no answer"),
            ("```\nx\n```", "the page"),
        ):
            model.reply = nothing
            sent = await call.type("say nothing please now")
            await spoken(call, sent, words)
        await answers_a_command(call)


def size(request: dict[str, Any]) -> int:
    """Estimates the tokens of a request, at four characters each."""
    return sum(len(str(message.get("content"))) for message in request["messages"]) // 4


async def test_a_long_conversation_is_summarised_and_stays_within_its_budget(
    model: Model,
) -> None:
    seen = len(model.daemon.log)
    async with calling(model.daemon.base_url) as call:
        for number in range(7):
            sent = await call.type(f"question {number} is about the moon and " + "the stars " * 25)
            await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
    talk = [request for request in model.chat.requests if request.get("stream")]
    assert len(talk) == 7
    assert max(map(size, talk)) <= 400
    asked_for_summary = [request for request in model.chat.requests if request not in talk]
    assert asked_for_summary
    assert "question 0" in str(asked_for_summary[0])
    assert "Conversation summary: Yes." in str(talk[-1])
    assert [line for line in model.daemon.log[seen:] if " ERROR " in line] == []


async def test_a_resumed_conversation_has_its_history(model: Model) -> None:
    model.reply = "I will remember the number seven."
    async with calling(model.daemon.base_url) as call:
        sent = await call.type("please remember the number seven")
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent)
    options = {"conversation_id": call.conversation_id}
    async with calling(model.daemon.base_url, options=options) as call:
        sent = await call.type("which number was it again")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
    said = [(m["role"], m["content"]) for m in model.chat.requests[-1]["messages"]]
    assert said[1:] == [
        ("user", "please remember the number seven"),
        ("assistant", "I will remember the number seven."),
        ("user", "which number was it again"),
    ]
