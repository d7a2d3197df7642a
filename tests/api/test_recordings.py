"""A session is recorded on request: announced, heard again by its owner, gone with its words."""

import io
from typing import Any

import aiohttp
import pytest
import soundfile

from appliance.client import calling
from tests.api.test_clients import paired
from tests.daemon import Daemon, speech
from tests.stranger import ask, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_recorded_conversation(paired_daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    _, other = await paired(paired_daemon, "user")
    _, admin = await paired(paired_daemon, "admin")
    token = mine["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        switch = f"/api/sessions/{call.session_id}/recording"
        refused = await ask(paired_daemon, "POST", switch, headers=admin)
        assert (refused.status, refused.code) == (403, "forbidden")
        nowhere = "/api/sessions/nobody/recording"
        for method in ("POST", "DELETE"):
            hidden = await ask(paired_daemon, method, switch, headers=other)
            unknown = await ask(paired_daemon, method, nowhere, headers=other)
            assert (hidden.status, hidden.json) == (404, unknown.json)
        started = await ask(paired_daemon, "POST", switch, headers=mine)
        assert started.status == 201, started.text
        shown = await call.wait_for(lambda a: _recording(a) is not None)
        assert _recording(shown) is True
        sent = await call.say(speech("what_time_is_it"))
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sent, seconds=60)
        assert (await ask(paired_daemon, "DELETE", switch, headers=other)).status == 404
        assert (await ask(paired_daemon, "DELETE", switch, headers=mine)).status == 204
    place = f"/api/conversations/{call.conversation_id}/recordings"

    async def kept() -> list[dict[str, Any]]:
        answer = await ask(paired_daemon, "GET", place, headers=mine)
        found: list[dict[str, Any]] = answer.json["recordings"]
        return found

    (made,) = await kept()
    assert made["seconds"] > 1
    file = f"{place}/{made['id']}"
    assert (await ask(paired_daemon, "GET", file, headers=other)).status == 404
    left, right = (await _heard(paired_daemon, file, mine)).T
    assert abs(left).max() > 3000  # the question
    assert abs(right).max() > 3000  # what the assistant said
    assert (await ask(paired_daemon, "DELETE", file, headers=mine)).status == 204
    assert await kept() == []
    gone = await ask(paired_daemon, "GET", file, headers=mine)
    assert (gone.status, gone.code) == (404, "not_found")


async def _heard(daemon: Daemon, file: str, headers: dict[str, str]) -> Any:  # noqa: ANN401
    """The samples of a recording, fetched in ranges, as a player does it: an array of frames."""
    async with aiohttp.ClientSession(daemon.base_url, headers=headers) as http:
        async with http.get(file, headers={"Range": "bytes=0-99"}) as first:
            assert (first.status, first.content_type) == (206, "audio/flac")
            size = int(first.headers["Content-Range"].rpartition("/")[2])
            begin = await first.read()
        async with http.get(file, headers={"Range": "bytes=100-"}) as rest:
            assert rest.status == 206
            whole = begin + await rest.read()
    assert len(whole) == size
    return soundfile.read(io.BytesIO(whole), dtype="int16")[0].astype(int)


async def test_a_deleted_conversation_leaves_no_sound(paired_daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    token = mine["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        sent = await call.type("record this conversation")
        await call.wait_for(lambda a: bool(_recording(a)), since=sent, seconds=60)
        place = f"/api/conversations/{call.conversation_id}"
        directory = paired_daemon.state / "recordings" / call.conversation_id
        assert list(directory.iterdir())
        # The session is live: it ends, and its recording with it, once nobody can undo that.
        assert (await ask(paired_daemon, "DELETE", place, headers=mine)).status == 204

        async def gone() -> bool:
            return not directory.exists()

        await until(gone, 60)


async def test_what_is_kept_no_longer_is_recorded_no_longer(paired_daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    token = mine["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        session = f"/api/sessions/{call.session_id}"
        started = await ask(paired_daemon, "POST", f"{session}/recording", headers=mine)
        assert started.status == 201
        body = {"keep": False}
        changed = await ask(paired_daemon, "PATCH", session, body=body, headers=mine)
        assert changed.status == 204
        # It is switched off, and does not end by itself for want of a file.
        end = await call.wait_for(lambda a: _recording(a) is False or _has_ended(a))
        assert _recording(end) is False
        directory = paired_daemon.state / "recordings" / call.conversation_id

        async def gone() -> bool:
            return not directory.exists()

        await until(gone, 60)
        refused = await ask(paired_daemon, "POST", f"{session}/recording", headers=mine)
        assert (refused.status, refused.code) == (400, "bad_request")


async def test_a_guest_may_not_record(paired_daemon: Daemon) -> None:
    _, guest = await paired(paired_daemon, "guest")
    token = guest["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        switch = f"/api/sessions/{call.session_id}/recording"
        refused = await ask(paired_daemon, "POST", switch, headers=guest)
        assert (refused.status, refused.code) == (403, "forbidden")


def _has_ended(arrival: Any) -> bool:  # noqa: ANN401  what a call heard
    return "The recording has ended." in arrival.data.values()


def _recording(arrival: Any) -> bool | None:  # noqa: ANN401  what a call heard
    data = arrival.data if arrival.kind == "server-message" else {}
    return bool(data["on"]) if data.get("type") == "recording" else None
