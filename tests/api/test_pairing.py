"""Nobody who is not paired learns anything, and a pairing ends at once."""

import re
import time
from http.cookies import SimpleCookie

import aiohttp
import pytest

from appliance.api.middleware import COOKIE
from appliance.api.routes import ROUTES
from appliance.client import calling
from tests.daemon import Daemon
from tests.stranger import Answered, ask, refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

OUTSIDE = {"X-Forwarded-For": "192.0.2.7"}
# What answers everybody; the address of a session wants the session's own token instead.
ANYBODY = {"/health", "/ready", "/metrics", "/api/pair", "/ws/{id}"}


def new_code(daemon: Daemon, *options: str) -> str:
    """A code as `appliance pair` prints it."""
    printed = daemon.command_line("pair", *options)
    assert printed.returncode == 0, printed.stderr
    found = re.search(r"Pairing code: (\d{4} \d{4})", printed.stdout)
    assert found
    return found[1]


async def redeem(daemon: Daemon, code: str, address: str = "192.0.2.1") -> Answered:
    headers = {"X-Forwarded-For": address, "Origin": daemon.base_url}
    body = {"code": code, "name": "a test"}
    return await ask(daemon, "POST", "/api/pair", body=body, headers=headers)


async def paired(daemon: Daemon, role: str) -> tuple[str, dict[str, str]]:
    """A new client's id and the header that proves it."""
    control = aiohttp.UnixConnector(str(daemon.state / "control.sock"))
    async with (
        aiohttp.ClientSession(connector=control) as http,
        http.post("http://appliance/pair", json={"role": role}) as made,
    ):
        code = (await made.json())["code"]
    answer = await redeem(daemon, code)
    assert answer.status == 200, answer.text
    return answer.json["client"]["id"], {"Authorization": f"Bearer {answer.json['token']}"}


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _ in ROUTES if p not in ANYBODY])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_stranger_is_refused(
    paired_daemon: Daemon, method: str, path: str, headers: dict[str, str]
) -> None:
    ours = {"Origin": paired_daemon.base_url, **headers}
    answer = await ask(paired_daemon, method, path.replace("{id}", "x"), headers=ours)
    assert (answer.status, answer.code) == (401, "not_paired")


async def test_a_stranger_outside_learns_only_that_it_lives(paired_daemon: Daemon) -> None:
    health = await ask(paired_daemon, "GET", "/health", headers=OUTSIDE)
    assert (health.status, health.json) == (200, {"status": "ok"})
    ready = await ask(paired_daemon, "GET", "/ready", headers=OUTSIDE)
    assert (ready.status, ready.json) == (200, {"ready": True})
    metrics = await ask(paired_daemon, "GET", "/metrics", headers=OUTSIDE)
    assert (metrics.status, metrics.code) == (404, "not_found")


async def test_a_code_makes_a_client_once(paired_daemon: Daemon) -> None:
    code = new_code(paired_daemon, "--role", "user")
    first = await redeem(paired_daemon, code.replace(" ", "-"))
    assert first.status == 200
    assert first.json["client"]["role"] == "user"
    cookie = SimpleCookie(first.headers["Set-Cookie"])[COOKIE]
    assert cookie.value == first.json["token"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    again = await redeem(paired_daemon, code, "192.0.2.2")
    assert (again.status, again.code) == (403, "pairing_refused")


async def test_the_first_client_is_the_administrator(paired_daemon: Daemon) -> None:
    client_id, _ = await paired(paired_daemon, "admin")
    answer = await redeem(paired_daemon, new_code(paired_daemon), "192.0.2.3")
    assert answer.json["client"]["role"] == "user"
    listed = paired_daemon.command_line("clients", "list").stdout
    assert client_id in listed
    assert "admin" in listed


async def test_guessing_is_slowed_down_and_spoils_the_code(paired_daemon: Daemon) -> None:
    code = new_code(paired_daemon)
    wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08}"
    assert (await redeem(paired_daemon, wrong, "192.0.2.50")).code == "pairing_refused"
    hurried = await redeem(paired_daemon, code, "192.0.2.50")
    assert (hurried.status, hurried.code) == (429, "too_many_requests")
    assert 1 <= int(hurried.headers["Retry-After"]) <= 2
    for number in range(51, 55):
        assert (await redeem(paired_daemon, wrong, f"192.0.2.{number}")).status == 403
    spoiled = await redeem(paired_daemon, code, "192.0.2.60")
    assert (spoiled.status, spoiled.code) == (403, "pairing_refused")


async def test_a_cookie_is_only_good_from_the_page_itself(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "user")
    cookie = {"Cookie": f"{COOKIE}={bearer['Authorization'].removeprefix('Bearer ')}"}
    assert (await ask(paired_daemon, "GET", "/api/status", headers=cookie)).status == 200
    foreigners: list[dict[str, str]] = [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ]
    for foreigner in foreigners:
        answer = await ask(paired_daemon, "POST", "/api/sessions", headers=cookie | foreigner)
        assert (answer.status, answer.code) == (403, "forbidden")
    for origin in (paired_daemon.base_url, "https://friend.example"):
        headers = cookie | {"Origin": origin}
        answer = await ask(paired_daemon, "POST", "/api/sessions", headers=headers)
        assert answer.status == 201
        foreign = cookie | {"Origin": "https://evil.example"}
        joined = await refused(paired_daemon, answer.json["ws_url"], foreign)
        assert (joined.status, joined.code) == (403, "forbidden")


async def test_a_revoked_client_is_out_at_once(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "user")
    token = bearer["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        offered = await ask(paired_daemon, "POST", "/api/sessions", headers=bearer)
        begin = time.monotonic()
        revoked = paired_daemon.command_line("clients", "revoke", client_id)
        assert revoked.returncode == 0, revoked.stderr
        assert await call.wait_closed(seconds=max(1.0, time.monotonic() - begin)) == 4401
    assert (await ask(paired_daemon, "GET", "/api/status", headers=bearer)).status == 401
    assert (await refused(paired_daemon, offered.json["ws_url"], bearer)).status == 404
    again = paired_daemon.command_line("clients", "revoke", client_id)
    assert again.returncode == 1
    assert "no such client" in again.stderr


async def test_a_role_goes_only_so_far(paired_daemon: Daemon) -> None:
    async def statuses(bearer: dict[str, str]) -> list[int]:
        paths = ("/api/conversations", "/api/status", "/api/clients", "/config", "/api/sessions")
        return [(await ask(paired_daemon, "GET", path, headers=bearer)).status for path in paths]

    _, guest = await paired(paired_daemon, "guest")
    assert await statuses(guest) == [403, 403, 403, 403, 403]
    assert (await ask(paired_daemon, "POST", "/api/sessions", headers=guest)).status == 201
    _, user = await paired(paired_daemon, "user")
    assert await statuses(user) == [200, 200, 403, 403, 403]
    _, admin = await paired(paired_daemon, "admin")
    assert await statuses(admin) == [200, 200, 200, 200, 200]


async def test_a_conversation_belongs_to_its_client(paired_daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    _, other = await paired(paired_daemon, "user")
    token = mine["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        hangs_up = f"/api/sessions/{call.session_id}"
        assert (await ask(paired_daemon, "DELETE", hangs_up, headers=other)).status == 403
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        wish = {"conversation_id": call.conversation_id}
        joined = await ask(paired_daemon, "POST", "/api/sessions", body=wish, headers=other)
        assert (joined.status, joined.code) == (403, "forbidden")
    place = f"/api/conversations/{call.conversation_id}"
    for method, path in (("GET", place), ("GET", f"{place}/export"), ("DELETE", place)):
        answer = await ask(paired_daemon, method, path, headers=other)
        assert (answer.status, answer.code) == (403, "forbidden")
    listed = await ask(paired_daemon, "GET", "/api/conversations", headers=other)
    assert listed.json == {"conversations": []}
    searched = await ask(paired_daemon, "GET", "/api/conversations/search?q=day", headers=other)
    assert searched.json == {"found": []}
    assert (await ask(paired_daemon, "GET", place, headers=mine)).status == 200


async def test_sessions_are_made_no_faster_than_allowed(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "guest")
    for _ in range(3):
        answer = await ask(paired_daemon, "POST", "/api/sessions", headers=bearer)
        assert answer.status == 201
        place = f"/api/sessions/{answer.json['session_id']}"
        assert (await ask(paired_daemon, "DELETE", place, headers=bearer)).status == 204
    answer = await ask(paired_daemon, "POST", "/api/sessions", headers=bearer)
    assert (answer.status, answer.code) == (429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 10


async def test_no_secret_leaves_the_appliance(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "admin")
    answer = await ask(paired_daemon, "GET", "/config", headers=bearer)
    assert answer.json["llm"]["base_url"] == "https://***@models.example/v1"
    token = bearer["Authorization"].removeprefix("Bearer ")
    clients = await ask(paired_daemon, "GET", "/api/clients", headers=bearer)
    for text in (answer.text, clients.text, "".join(paired_daemon.log)):
        assert "password" not in text
        assert token not in text
    assert token.encode() not in paired_daemon.database.read_bytes()


async def test_the_address_to_open_comes_as_a_picture_too(paired_daemon: Daemon) -> None:
    printed = paired_daemon.command_line("pair", "--address", "https://box.local:8443").stdout
    assert "Open https://box.local:8443 and enter it, or scan:" in printed
    assert printed.count("█") + printed.count("▀") + printed.count("▄") > 200
    assert "Traceback" not in printed
