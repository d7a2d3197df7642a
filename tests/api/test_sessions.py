"""Sessions over HTTP: create, connect with the token, list, end."""

import pytest

from appliance.client import calling
from tests.daemon import Daemon
from tests.stranger import ask, connected, message, new_session, next_message, refused, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_session_is_created_connected_listed_and_ended(daemon: Daemon) -> None:
    async with calling(daemon.base_url, options={"voice": "af_bella"}) as call:
        listed = (await daemon.get("/api/sessions"))[1]["sessions"]
        mine = next(s for s in listed if s["session_id"] == call.session_id)
        assert mine["conversation_id"] == call.conversation_id
        assert mine["route"] == "local"
        answer = await ask(daemon, "DELETE", f"/api/sessions/{call.session_id}")
        assert answer.status == 204
        assert await call.wait_closed() == 1000
    gone = await ask(daemon, "DELETE", f"/api/sessions/{call.session_id}")
    assert (gone.status, gone.code) == (404, "session_unknown")


async def test_a_session_that_was_never_connected_can_be_ended(daemon: Daemon) -> None:
    session = await new_session(daemon)
    assert (await ask(daemon, "DELETE", f"/api/sessions/{session['session_id']}")).status == 204
    late = await refused(daemon, session["ws_url"])
    assert (late.status, late.code) == (404, "session_unknown")


async def test_a_token_must_be_right_and_works_once(daemon: Daemon) -> None:
    session = await new_session(daemon)
    place = f"/ws/{session['session_id']}"
    for wrong in (place, f"{place}?token=", f"{place}?token=x", f"{place}?token=%ff%00é"):
        answer = await refused(daemon, wrong)
        assert (answer.status, answer.code) == (401, "not_paired")
    unknown = await refused(daemon, f"/ws/nobody?token={session['token']}")
    assert (unknown.status, unknown.code) == (404, "session_unknown")
    async with connected(daemon, session["ws_url"]) as ws:
        second = await refused(daemon, session["ws_url"])
        assert (second.status, second.code) == (409, "session_taken")
        await ws.send_bytes(message("send-text", {"content": "what day is it"}))
        await next_message(ws, "bot-llm-text")
    used = await refused(daemon, session["ws_url"])
    assert (used.status, used.code) == (409, "session_taken")


async def test_a_request_that_is_not_a_websocket_leaves_the_token_valid(daemon: Daemon) -> None:
    session = await new_session(daemon)
    plain = await ask(daemon, "GET", session["ws_url"])
    assert (plain.status, plain.code) == (400, "bad_request")
    old = await refused(daemon, session["ws_url"], {"Sec-WebSocket-Version": "4"})
    assert (old.status, old.code) == (400, "bad_request")
    async with connected(daemon, session["ws_url"]) as ws:
        assert not ws.closed


async def test_a_route_that_is_not_set_up_is_refused(daemon: Daemon) -> None:
    answer = await ask(daemon, "POST", "/api/sessions", body={"route": "realtime"})
    assert (answer.status, answer.code) == (400, "route_refused")


@pytest.mark.parametrize(
    ("options", "code", "among"),
    [
        ({"language": "klingon"}, "language_unknown", "de (German)"),
        ({"language": "xx"}, "language_unknown", "auto"),
        ({"voice": "af_nobody"}, "voice_unknown", "af_sarah"),
        ({"voice": "marin"}, "voice_unknown", "en-gb"),  # without the Realtime route
    ],
)
async def test_a_voice_or_language_that_does_not_exist_is_refused_with_the_list(
    daemon: Daemon, options: dict[str, str], code: str, among: str
) -> None:
    answer = await ask(daemon, "POST", "/api/sessions", body=options)
    assert (answer.status, answer.code) == (400, code)
    assert among in answer.json["error"]["advice"]


async def test_voices_and_languages_of_the_table_are_accepted(daemon: Daemon) -> None:
    for options in ({"language": "auto"}, {"language": "de", "voice": "auto"}, {"voice": "de"}):
        session = await new_session(daemon, **options)
        await ask(daemon, "DELETE", f"/api/sessions/{session['session_id']}")


async def test_a_client_that_hangs_up_frees_its_place(daemon: Daemon) -> None:
    async def there_is_no_session() -> bool:
        return await daemon.metric("appliance_sessions") == 0

    await until(there_is_no_session)
    async with calling(daemon.base_url) as call:
        assert await daemon.metric("appliance_sessions") == 1
        await call.message("disconnect-bot")
        await call.wait_closed()
    await until(there_is_no_session)
