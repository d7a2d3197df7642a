"""Conversations over HTTP: renamed, deleted and restored, read in pages, and not kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.client import calling
from tests.api.test_clients import paired
from tests.api.test_conversations import one_turn
from tests.daemon import Daemon, running
from tests.live import listening
from tests.stranger import ask, new_session, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_conversation_is_renamed_and_pages_hear_of_it(daemon: Daemon) -> None:
    async with listening(daemon.base_url) as live:
        kept = await one_turn(daemon, "what time is it")
        await live.wait_for("conversations", id=kept, change="created")
        place = f"/api/conversations/{kept}"
        # After these, pages have heard of all that the session itself changed.
        assert (await ask(daemon, "DELETE", place)).status == 204
        assert (await ask(daemon, "POST", f"{place}/restore")).status == 204
        await live.wait_for("conversations", id=kept, change="restored")
        changed = ("conversations", {"id": kept, "change": "changed"})
        before = live.events.count(changed)
        renamed = await ask(daemon, "PATCH", place, body={"title": " The \n clock "})
        assert renamed.status == 204

        async def heard() -> bool:
            return live.events.count(changed) == before + 1

        await until(heard)
        page = (await daemon.get(f"{place}/turns?limit=1"))[1]
        assert page["summary"]["title"] == "The clock"
        assert [turn["user_text"] for turn in page["turns"]] == ["what time is it"]
        assert page["before"] is None
    for body in ({"title": " "}, {"title": "x" * 201}, {}):
        assert (await ask(daemon, "PATCH", place, body=body)).code == "bad_request"


async def test_a_deletion_can_be_undone(daemon: Daemon) -> None:
    kept = await one_turn(daemon, "what day is it")
    place = f"/api/conversations/{kept}"
    async with listening(daemon.base_url) as live:
        assert (await ask(daemon, "DELETE", place)).status == 204
        await live.wait_for("conversations", id=kept, change="deleted")
        for path in (place, f"{place}/turns", f"{place}/export"):
            assert (await daemon.get(path))[0] == 404
        assert (await ask(daemon, "POST", f"{place}/restore")).status == 204
        await live.wait_for("conversations", id=kept, change="restored")
    assert (await daemon.get(place))[0] == 200
    assert (await ask(daemon, "POST", f"{place}/restore")).code == "not_found"


async def test_stopping_deletes_for_good_what_was_to_be_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        deleted = await one_turn(daemon, "what time is it")
        kept = await one_turn(daemon, "what day is it")
        assert (await ask(daemon, "DELETE", f"/api/conversations/{deleted}")).status == 204
        assert await daemon.stop() == 0
    with closing(sqlite3.connect(daemon.database)) as db:
        assert db.execute("SELECT id FROM conversations").fetchall() == [(kept,)]
        # As after a crash in the seconds in which it could be undone.
        db.execute("UPDATE conversations SET deleted_at = 1")
        db.commit()
    async with running(tmp_path, until="/health") as daemon:
        assert (await ask(daemon, "POST", f"/api/conversations/{kept}/restore")).status == 404
    with closing(sqlite3.connect(daemon.database)) as db:
        assert db.execute("SELECT id FROM conversations").fetchall() == []


def stored_ids(daemon: Daemon) -> set[str]:
    with closing(sqlite3.connect(daemon.database)) as db:
        return {row[0] for row in db.execute("SELECT id FROM conversations")}


async def test_a_conversation_that_is_not_kept_can_be_resumed(daemon: Daemon) -> None:
    options = {"keep": False}
    async with calling(daemon.base_url, options=options) as call:
        assert call.session["kept"] is False
        sent = await call.type("what time is it")
        await call.wait_for(lambda a: a.kind == "bot-tts-text", since=sent)
    resumed = await new_session(daemon, conversation_id=call.conversation_id)
    assert resumed["kept"] is False
    after = await one_turn(daemon, "what day is it")  # by the same writer, after all of it
    assert call.conversation_id not in stored_ids(daemon)
    assert after in stored_ids(daemon)
    assert (await daemon.get(f"/api/conversations/{call.conversation_id}"))[0] == 404


async def test_keeping_is_changed_during_a_session(daemon: Daemon) -> None:
    async with calling(daemon.base_url) as call:
        assert call.session["kept"] is True
        sent = await call.type("what time is it")
        await call.wait_for(lambda a: a.kind == "bot-tts-text", since=sent)

        async def is_stored() -> bool:
            return call.conversation_id in stored_ids(daemon)

        await until(is_stored)
        place = f"/api/sessions/{call.session_id}"
        assert (await ask(daemon, "PATCH", place, body={"keep": False})).status == 204
        assert not await is_stored()
        assert (await ask(daemon, "PATCH", place, body={"keep": True})).status == 204
        await until(is_stored)
    _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
    assert kept["summary"]["client_id"] == "anybody"
    assert "what time is it" not in str(kept["events"])


async def test_a_client_may_prefer_that_nothing_is_kept(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "user")
    place = "/api/preferences"
    assert (await ask(paired_daemon, "GET", place, headers=bearer)).json == {
        "keep_conversations": True
    }
    body = {"keep_conversations": False}
    changed = await ask(paired_daemon, "PATCH", place, body=body, headers=bearer)
    assert changed.status == 204
    for asked, kept in (({}, False), ({"keep": True}, True)):
        made = await ask(paired_daemon, "POST", "/api/sessions", body=asked, headers=bearer)
        assert made.json["kept"] is kept
        ended = f"/api/sessions/{made.json['session_id']}"
        await ask(paired_daemon, "DELETE", ended, headers=bearer)


async def test_another_clients_conversation_is_not_touched(paired_daemon: Daemon) -> None:
    _, admin = await paired(paired_daemon, "admin")
    _, user = await paired(paired_daemon, "user")
    async with calling(paired_daemon.base_url, token=admin["Authorization"].split()[1]) as call:
        await call.type("what time is it")
        place = f"/api/conversations/{call.conversation_id}"

        async def is_kept() -> bool:
            answer = await ask(paired_daemon, "GET", place, headers=admin)
            return answer.status == 200

        await until(is_kept)
        session = f"/api/sessions/{call.session_id}"
        for method, path, body in (
            ("PATCH", place, {"title": "mine"}),
            ("DELETE", place, None),
            ("POST", f"{place}/restore", None),
            ("GET", f"{place}/turns", None),
        ):
            answer = await ask(paired_daemon, method, path, body=body, headers=user)
            assert (answer.status, answer.code) == (404, "not_found"), (method, path)
        answer = await ask(paired_daemon, "PATCH", session, body={"keep": False}, headers=user)
        assert (answer.status, answer.code) == (404, "session_unknown")
