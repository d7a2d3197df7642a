"""A page of `access.origins` uses the API from its own origin; other pages cannot."""

import pytest

from appliance.api.cross_origin import HEADERS, METHODS
from tests.api.test_clients import paired
from tests.daemon import Daemon
from tests.stranger import ask, connected, message, next_message, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

FRIEND = {"Origin": "https://friend.example"}
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def test_a_listed_page_may_ask_what_it_may_send(paired_daemon: Daemon) -> None:
    for path in ("/api/start", "/api/pair", "/api/nothing"):
        answer = await ask(paired_daemon, "OPTIONS", path, headers=FRIEND | ASKS)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND["Origin"]
        assert answer.headers["Access-Control-Allow-Methods"] == METHODS
        assert answer.headers["Access-Control-Allow-Headers"] == HEADERS
    plain = await ask(paired_daemon, "OPTIONS", "/api/start", headers=FRIEND)
    assert plain.status == 405


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://friend.example.evil.example", "null"]
)
async def test_another_page_reads_nothing(paired_daemon: Daemon, origin: str) -> None:
    asked = await ask(paired_daemon, "OPTIONS", "/api/start", headers={"Origin": origin} | ASKS)
    assert (asked.status, asked.code) == (403, "forbidden")
    ping = await ask(paired_daemon, "GET", "/api/ping", headers={"Origin": origin})
    assert not [name for name in {**asked.headers, **ping.headers} if "Allow" in name]


async def test_a_listed_page_reads_answers_and_refusals(paired_daemon: Daemon) -> None:
    for path, status in (("/api/ping", 204), ("/api/me", 401), ("/nothing", 404)):
        answer = await ask(paired_daemon, "GET", path, headers=FRIEND)
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND["Origin"]
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Vary"] == "Origin"


async def test_a_listed_page_connects_with_the_token_of_its_session(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "guest")
    body = {"createDailyRoom": True, "enableDefaultIceServers": True, "body": {"voice": "af_bella"}}
    started = await ask(paired_daemon, "POST", "/api/start", body=body, headers=bearer | FRIEND)
    assert started.status == 200
    # A Pipecat client refuses an answer with any other key.
    assert set(started.json) == {"wsUrl", "token"}
    origin, _, path = started.json["wsUrl"].partition("/ws/")
    assert origin == paired_daemon.base_url.replace("http", "ws")
    wrong = await refused(paired_daemon, f"/ws/{path}?token=x", FRIEND)
    assert (wrong.status, wrong.code) == (401, "not_paired")
    address = f"/ws/{path}?token={started.json['token']}"
    stranger = await refused(paired_daemon, address, {"Origin": paired_daemon.base_url})
    assert (stranger.status, stranger.code) == (401, "not_paired")
    async with connected(paired_daemon, address, FRIEND) as ws:
        await ws.send_bytes(message("client-ready", {"version": "1.3.0", "about": {}}))
        await next_message(ws, "bot-ready")


async def test_a_session_of_a_revoked_client_is_closed_to_its_page(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "guest")
    started = await ask(paired_daemon, "POST", "/api/start", headers=bearer | FRIEND)
    _, admin = await paired(paired_daemon, "admin")
    await ask(paired_daemon, "DELETE", f"/api/clients/{client_id}", headers=admin)
    path = started.json["wsUrl"].partition("/ws/")[2]
    late = await refused(paired_daemon, f"/ws/{path}?token={started.json['token']}", FRIEND)
    assert (late.status, late.code) == (404, "session_unknown")


async def test_the_address_is_that_of_https_where_nginx_says_so(daemon: Daemon) -> None:
    secure = {"X-Forwarded-Proto": "https"}
    started = await ask(daemon, "POST", "/api/start", body={}, headers=secure)
    assert started.json["wsUrl"].startswith(daemon.base_url.replace("http", "wss") + "/ws/")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"transport": "webrtc"}, "transport"),
        ({"body": {"colour": "red"}}, "body.colour"),
        ({"body": "red"}, "body"),
        ({"voice": 7}, "voice"),
    ],
)
async def test_a_start_that_cannot_be_is_refused(
    daemon: Daemon, body: dict[str, object], named: str
) -> None:
    answer = await ask(daemon, "POST", "/api/start", body=body)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert f"{named}: " in answer.json["error"]["message"]


async def test_options_may_stand_beside_the_body_that_pipecat_has_them_in(daemon: Daemon) -> None:
    for options in ({"voice": "nobody"}, {"transport": "websocket", "body": {"voice": "nobody"}}):
        answer = await ask(daemon, "POST", "/api/start", body=options)
        assert (answer.status, answer.code) == (400, "voice_unknown")
