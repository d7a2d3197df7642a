"""What a page tells a real daemon besides speech: a ping, stop, and a text that comes twice."""

from pathlib import Path
from typing import Any

from appliance import wire
from appliance.client import Call, calling
from tests.chat_server import chat_server
from tests.daemon import MICRO_MODELS, running
from tests.stranger import until

LONG = "There is a lot to say about it, and it will take a while. " * 20


async def ask(call: Call, kind: str, what: str, **data: object) -> None:
    """Sends an RTVI message whose id is known."""
    body = {"label": wire.LABEL, "type": kind, "id": what, "data": data}
    await call.send(wire.Message(body))


async def test_a_ping_is_answered_stop_silences_and_a_text_counts_once(tmp_path: Path) -> None:
    async with chat_server(lambda _messages: LONG) as chat:
        model = {"APPLIANCE__LLM__PROVIDER": "custom", "APPLIANCE__LLM__BASE_URL": chat.base_url}
        async with (
            running(tmp_path, {**MICRO_MODELS, **model}) as daemon,
            calling(daemon.base_url) as call,
        ):
            await ask(call, "client-message", "p1", t="ping", d={})
            await call.wait_for(lambda a: a.kind == "server-response", seconds=60)

            for _ in range(2):
                await ask(call, "send-text", "one", content="tell me a long story")
            await call.wait_for(lambda a: a.kind == "bot-started-speaking", seconds=60)
            await ask(call, "client-message", "s1", t="stop", d={})
            await call.wait_for(lambda a: a.kind == "bot-interrupted", seconds=60)
            stopped = await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", seconds=60)

            await ask(call, "send-text", "two", content="what day is it")
            await call.wait_for(
                lambda a: a.kind == "bot-started-speaking", since=stopped.at, seconds=60
            )

            async def turns() -> list[dict[str, Any]]:
                _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
                return list(kept["turns"])

            async def two_turns() -> bool:
                return len(await turns()) == 2

            await until(two_turns, seconds=60)
            first, second = await turns()
    assert [first["user_text"], second["user_text"]] == ["tell me a long story", "what day is it"]
    assert 0 < len(first["answer"]) < len(LONG)
