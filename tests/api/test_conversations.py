"""Conversations over HTTP: list, search, read, export, delete."""

import json

import pytest

from appliance.client import calling
from tests.daemon import Daemon
from tests.stranger import ask, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def one_turn(daemon: Daemon, text: str) -> str:
    """Has a conversation of one turn; returns its id once it is committed."""
    async with calling(daemon.base_url) as call:
        sent = await call.type(text)
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)

    async def kept() -> bool:
        _, conversation = await daemon.get(f"/api/conversations/{call.conversation_id}")
        return "session_ended" in str(conversation)

    await until(kept)
    return call.conversation_id


async def test_a_conversation_is_listed_found_and_exported(daemon: Daemon) -> None:
    kept = await one_turn(daemon, "how hot are you")
    listed = (await daemon.get("/api/conversations?limit=1"))[1]["conversations"]
    assert [(c["id"], c["title"]) for c in listed] == [(kept, "how hot are you")]
    found = (await daemon.get("/api/conversations/search?q=hot"))[1]["found"]
    assert kept in {hit["conversation_id"] for hit in found}
    whole = (await daemon.get(f"/api/conversations/{kept}"))[1]
    assert "how hot are you" in json.dumps(whole)
    exported = await ask(daemon, "GET", f"/api/conversations/{kept}/export")
    assert "how hot are you" in json.dumps(exported.json)
    markdown = await ask(daemon, "GET", f"/api/conversations/{kept}/export?format=markdown")
    assert "how hot are you" in markdown.text
    assert f'filename="conversation-{kept}.md"' in markdown.headers["Content-Disposition"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "", "²", "1e1", "9" * 5_000])
async def test_a_page_size_that_is_no_number_is_refused(daemon: Daemon, limit: str) -> None:
    answer = await ask(daemon, "GET", f"/api/conversations?limit={limit}")
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize("query", ["", '"', "a AND", "*", "NEAR(", "%00", "'; DROP TABLE events;"])
async def test_any_search_is_answered(daemon: Daemon, query: str) -> None:
    assert (await ask(daemon, "GET", f"/api/conversations/search?q={query}")).status == 200


@pytest.mark.parametrize("before", ["nobody", "%00", "-1", "x" * 500])
async def test_a_page_after_an_unknown_conversation_is_answered(
    daemon: Daemon, before: str
) -> None:
    answer = await ask(daemon, "GET", f"/api/conversations?before={before}")
    assert answer.status in (200, 404)


async def test_an_unknown_conversation_is_not_found(daemon: Daemon) -> None:
    for method, path in (("GET", ""), ("GET", "/export"), ("DELETE", "")):
        answer = await ask(daemon, method, f"/api/conversations/nobody{path}")
        assert (answer.status, answer.code) == (404, "not_found")


async def test_an_unknown_format_is_refused(daemon: Daemon) -> None:
    kept = await one_turn(daemon, "what day is it")
    answer = await ask(daemon, "GET", f"/api/conversations/{kept}/export?format=pdf")
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_conversation_deleted_during_a_session_stays_deleted(
    daemon: Daemon,
) -> None:
    async with calling(daemon.base_url) as call:
        sent = await call.type("what can you do")
        await call.wait_for(lambda a: a.kind == "bot-started-speaking", since=sent)
        place = f"/api/conversations/{call.conversation_id}"

        async def is_kept() -> bool:
            return (await daemon.get(place))[0] == 200

        await until(is_kept)  # it is committed while it goes on
        assert (await ask(daemon, "DELETE", place)).status == 204
        assert await call.wait_closed() == 1000
    # This turn is committed by the same writer, after all that was queued before it.
    await one_turn(daemon, "what day is it")
    assert (await ask(daemon, "GET", place)).status == 404
