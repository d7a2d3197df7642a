"""Pairing, roles and revocation: what each client may see and do, and the audit trail of it."""

import json
import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest

from appliance.access.pairing import ALL_TRIES, FREE_TRIES
from appliance.access.tokens import Role, reaches
from appliance.api.middleware import COOKIE
from appliance.api.routes import ROUTES, Route
from appliance.client import calling
from appliance.conversation import SELFTEST_PREFIX
from tests.daemon import Daemon
from tests.stranger import Answered, ask, connected, refused, until

pytestmark = pytest.mark.asyncio(loop_scope="package")

OUTSIDE = {"X-Forwarded-For": "192.0.2.7"}
# The only routes that answer unpaired clients.
EVERYBODY = {"/health", "/ready", "/metrics", "/api/ping", "/api/pair"}
GUARDED = [route for route in ROUTES if route.path not in EVERYBODY]


def new_code(daemon: Daemon, *options: str) -> str:
    """Returns a code as `appliance pair` prints it."""
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
    """Pairs a client; returns its id and its Authorization header."""
    control = aiohttp.UnixConnector(str(daemon.state / "control.sock"))
    async with (
        aiohttp.ClientSession(connector=control) as http,
        http.post("http://appliance/pair", json={"role": role}) as made,
    ):
        code = (await made.json())["code"]
    answer = await redeem(daemon, code)
    assert answer.status == 200, answer.text
    return answer.json["client"]["id"], {"Authorization": f"Bearer {answer.json['token']}"}


async def test_no_other_route_is_open_to_everybody() -> None:
    assert {route.path for route in ROUTES if route.role is None} == EVERYBODY


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_an_unpaired_client_is_refused(
    paired_daemon: Daemon, route: Route, headers: dict[str, str]
) -> None:
    ours = {"Origin": paired_daemon.base_url, **headers}
    path = re.sub(r"\{\w+\}", "x", route.path)
    answer = await ask(paired_daemon, route.method, path, headers=ours)
    assert (answer.status, answer.code) == (401, "not_paired")


async def test_each_route_demands_its_role(paired_daemon: Daemon) -> None:
    """403 below the role of the route, and no refusal at or above it."""
    for role in Role:
        _, bearer = await paired(paired_daemon, role)
        for route in GUARDED:
            path = re.sub(r"\{\w+\}", "nobody", route.path)
            # A body that every route rejects, so that an administrator starts no self-test here.
            answer = await ask(paired_daemon, route.method, path, data=b"[", headers=bearer)
            allowed = route.role is not None and reaches(role, route.role)
            assert (answer.status not in (401, 403)) is allowed, (role, route, answer.text)
            assert answer.status < 500 or answer.code == "not_ready", (role, route, answer.text)


async def test_a_guest_may_talk_and_see_nothing_else(paired_daemon: Daemon) -> None:
    _, guest = await paired(paired_daemon, "guest")
    for path in ("/api/conversations", "/api/status", "/api/clients", "/config", "/api/audit"):
        answer = await ask(paired_daemon, "GET", path, headers=guest)
        assert (answer.status, answer.code) == (403, "forbidden")
    me = await ask(paired_daemon, "GET", "/api/me", headers=guest)
    assert (me.json["client"]["role"], me.json["access"], me.json["warnings"]) == (
        "guest",
        "paired",
        [],
    )


async def test_an_unpaired_client_outside_learns_only_that_the_appliance_runs(
    paired_daemon: Daemon,
) -> None:
    health = await ask(paired_daemon, "GET", "/health", headers=OUTSIDE)
    assert (health.status, health.json) == (200, {"status": "ok"})
    ready = await ask(paired_daemon, "GET", "/ready", headers=OUTSIDE)
    assert (ready.status, ready.json) == (200, {"ready": True})
    metrics = await ask(paired_daemon, "GET", "/metrics", headers=OUTSIDE)
    assert (metrics.status, metrics.code) == (404, "not_found")


async def test_a_code_pairs_one_client(paired_daemon: Daemon) -> None:
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


async def test_a_new_client_does_not_replace_an_administrator_who_lost_the_role(
    paired_daemon: Daemon,
) -> None:
    clients = json.loads(paired_daemon.command_line("clients", "list", "--json").stdout)
    for client in clients:
        if client["role"] == "admin":
            paired_daemon.command_line("clients", "role", client["id"], "user")
    answer = await redeem(paired_daemon, new_code(paired_daemon), "192.0.2.4")
    assert answer.json["client"]["role"] == "user"


async def test_guessing_is_slowed_down_and_leaves_the_code_to_its_owner(
    paired_daemon: Daemon,
) -> None:
    for number in range(20):
        code = new_code(paired_daemon)
        wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08}"
        begun = time.monotonic()
        for _ in range(FREE_TRIES + 1):
            first = await redeem(paired_daemon, wrong, f"198.51.100.{number}")
            assert first.code == "pairing_refused"
        hurried = await redeem(paired_daemon, code, f"198.51.100.{number}")
        # After two seconds the penalty is over: on a busy machine this try may come too late.
        if time.monotonic() < begun + 2:
            break
    assert (hurried.status, hurried.code) == (429, "too_many_requests")
    assert 1 <= int(hurried.headers["Retry-After"]) <= 2
    for number in range(51, 56):
        assert (await redeem(paired_daemon, wrong, f"192.0.2.{number}")).status == 403
    assert (await redeem(paired_daemon, code, "192.0.2.60")).status == 200


async def test_a_cookie_is_accepted_from_allowed_origins_only(paired_daemon: Daemon) -> None:
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


async def test_a_revoked_client_loses_access_at_once(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "user")
    token = bearer["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        offered = await ask(paired_daemon, "POST", "/api/sessions", headers=bearer)
        _, admin = await paired(paired_daemon, "admin")
        place = f"/api/clients/{client_id}"
        assert (await ask(paired_daemon, "DELETE", place, headers=admin)).status == 204
        assert await call.wait_closed() == 4401
    assert (await ask(paired_daemon, "GET", "/api/status", headers=bearer)).status == 401
    assert (await refused(paired_daemon, offered.json["ws_url"], bearer)).status == 401
    again = paired_daemon.command_line("clients", "revoke", client_id)
    assert again.returncode == 1
    assert "no such client" in again.stderr


async def test_a_program_pairs_itself_without_a_browser(paired_daemon: Daemon) -> None:
    body = {"code": new_code(paired_daemon, "--role", "user"), "name": "a script"}
    foreign = {"X-Forwarded-For": "192.0.2.90", "Origin": "https://evil.example"}
    answer = await ask(paired_daemon, "POST", "/api/pair", body=body, headers=foreign)
    assert (answer.status, answer.code) == (403, "forbidden")
    plain = {"X-Forwarded-For": "192.0.2.90"}
    answer = await ask(paired_daemon, "POST", "/api/pair", body=body, headers=plain)
    assert answer.status == 200
    bearer = {"Authorization": f"Bearer {answer.json['token']}"}
    assert (await ask(paired_daemon, "POST", "/api/sessions", headers=bearer)).status == 201


async def test_a_changed_role_counts_at_once(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "user")
    _, admin = await paired(paired_daemon, "admin")
    place = f"/api/clients/{client_id}"
    assert (await ask(paired_daemon, "GET", "/api/status", headers=bearer)).status == 200
    body = {"role": "guest"}
    assert (await ask(paired_daemon, "PATCH", place, body=body, headers=admin)).status == 204
    assert (await ask(paired_daemon, "GET", "/api/status", headers=bearer)).status == 403
    changed = paired_daemon.command_line("clients", "role", client_id, "user")
    assert changed.stdout == f"{client_id} is now user.\n"
    assert (await ask(paired_daemon, "GET", "/api/status", headers=bearer)).status == 200
    wrong = await ask(paired_daemon, "PATCH", place, body={"role": "king"}, headers=admin)
    assert (wrong.status, wrong.code) == (400, "bad_request")


async def test_a_client_gets_another_name(paired_daemon: Daemon) -> None:
    client_id, bearer = await paired(paired_daemon, "user")
    _, admin = await paired(paired_daemon, "admin")
    place = f"/api/clients/{client_id}"
    body = {"name": " Kitchen\ttablet "}
    assert (await ask(paired_daemon, "PATCH", place, body=body, headers=admin)).status == 204
    me = await ask(paired_daemon, "GET", "/api/me", headers=bearer)
    assert (me.json["client"]["name"], me.json["client"]["role"]) == ("Kitchen tablet", "user")
    for wrong in ({}, {"name": " \t"}, {"name": "x" * 101}):
        answer = await ask(paired_daemon, "PATCH", place, body=wrong, headers=admin)
        assert (answer.status, answer.code) == (400, "bad_request")


async def test_the_audit_trail_is_paged_and_filtered(paired_daemon: Daemon) -> None:
    client_id, _ = await paired(paired_daemon, "user")
    _, admin = await paired(paired_daemon, "admin")
    place = f"/api/clients/{client_id}"
    await ask(paired_daemon, "PATCH", place, body={"role": "guest"}, headers=admin)

    async def entries(query: str) -> list[dict[str, Any]]:
        answer = await ask(paired_daemon, "GET", f"/api/audit?{query}", headers=admin)
        listed: list[dict[str, Any]] = answer.json["audit"]
        return listed

    async def is_noted() -> bool:
        return len(await entries(f"client={client_id}")) == 2

    await until(is_noted)
    changed, paired_entry = await entries(f"client={client_id}")
    assert (changed["what"], paired_entry["what"]) == ("role changed", "paired")
    older = await entries(f"client={client_id}&before={changed['id']}")
    assert older == [paired_entry]
    assert {e["what"] for e in await entries("what=paired&limit=3")} == {"paired"}
    for query in ("what=nothing", "before=-1", "before=x"):
        answer = await ask(paired_daemon, "GET", f"/api/audit?{query}", headers=admin)
        assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_cookie_is_kept_for_half_a_year_after_every_use(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "guest")
    value = bearer["Authorization"].removeprefix("Bearer ")
    cookie = {"Cookie": f"{COOKIE}={value}"}
    answer = await ask(paired_daemon, "GET", "/api/me", headers=cookie)
    again = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert (again.value, again["max-age"]) == (value, str(180 * 24 * 3600))
    assert "Set-Cookie" not in (await ask(paired_daemon, "GET", "/api/me", headers=bearer)).headers


async def test_a_websocket_needs_its_ticket_and_a_paired_client(paired_daemon: Daemon) -> None:
    _, bearer = await paired(paired_daemon, "guest")
    offered = await ask(paired_daemon, "POST", "/api/sessions", headers=bearer)
    stranger = await refused(paired_daemon, offered.json["ws_url"], paired_origin(paired_daemon))
    assert (stranger.status, stranger.code) == (401, "not_paired")
    path = offered.json["ws_url"].partition("?")[0]
    without = await refused(paired_daemon, path, bearer)
    assert (without.status, without.code) == (401, "not_paired")


def paired_origin(daemon: Daemon) -> dict[str, str]:
    return {"Origin": daemon.base_url}


async def test_the_audit_trail_records_who_did_what(paired_daemon: Daemon) -> None:
    admin_id, admin = await paired(paired_daemon, "admin")
    client_id, _ = await paired(paired_daemon, "user")
    place = f"/api/clients/{client_id}"
    await ask(paired_daemon, "PATCH", place, body={"role": "guest"}, headers=admin)
    await ask(paired_daemon, "DELETE", place, headers=admin)
    refused = 0  # the free tries and one, or more where the machine was held up for the penalty
    while (await redeem(paired_daemon, "0", "192.0.2.77")).status == 403:
        refused += 1
    assert refused

    async def entries() -> list[dict[str, str]]:
        limit = 4 + refused
        answer = await ask(paired_daemon, "GET", f"/api/audit?limit={limit}", headers=admin)
        listed: list[dict[str, str]] = answer.json["audit"]
        return listed[::-1]

    async def is_locked_out() -> bool:
        return (await entries())[-1]["what"] == "locked out"

    await until(is_locked_out)
    kept = [(e["what"], e["who"], e["outcome"], e["client_id"]) for e in await entries()]
    assert kept == [
        ("paired", client_id, "done", client_id),
        ("role changed", admin_id, "done", client_id),
        ("revoked", admin_id, "done", client_id),
        *[("paired", None, "pairing_refused", None)] * refused,
        ("locked out", None, "too_many_requests", None),
    ]
    assert {e["address"] for e in (await entries())[-2:]} == {"192.0.2.77"}
    printed = paired_daemon.command_line("clients", "audit", "--limit", str(5 + refused)).stdout
    assert "pairing code made" in printed
    assert "the command line" in printed


async def test_the_audit_trail_records_the_settings_in_force_without_their_values(
    paired_daemon: Daemon,
) -> None:
    _, admin = await paired(paired_daemon, "admin")
    answer = await ask(paired_daemon, "GET", "/api/audit?limit=1000", headers=admin)
    (settings,) = [e for e in answer.json["audit"] if e["what"] == "settings in force"]
    assert settings["who"] == "the appliance"
    assert re.fullmatch("access paired, configuration [0-9a-f]{12}", settings["detail"])


async def test_open_access_is_warned_of_in_the_page_the_status_and_the_log(daemon: Daemon) -> None:
    me = await ask(daemon, "GET", "/api/me")
    assert (me.json["access"], me.json["client"]["role"]) == ("open", "admin")
    (warning,) = me.json["warnings"]
    assert "Access is open" in warning
    assert warning in (await ask(daemon, "GET", "/api/status")).json["warnings"]
    assert warning in "".join(daemon.log)


async def test_repeated_refusals_do_not_flood_the_audit_trail(paired_daemon: Daemon) -> None:
    for _ in range(30):
        await redeem(paired_daemon, "0", "192.0.2.88")
    _, admin = await paired(paired_daemon, "admin")
    answer = await ask(paired_daemon, "GET", "/api/audit?limit=1000", headers=admin)
    noted = Counter(e["what"] for e in answer.json["audit"] if e["address"] == "192.0.2.88")
    assert set(noted) == {"paired", "locked out"}
    assert max(noted.values()) <= 6  # of a kind: five at once, then one a minute


@pytest.mark.slow
async def test_a_burned_code_is_noted_after_any_number_of_refusals(
    paired_daemon: Daemon,
) -> None:
    for _ in range(30):
        await redeem(paired_daemon, "0", "192.0.2.99")
    wrong = f"{(int(new_code(paired_daemon).replace(' ', '')) + 1) % 10**8:08}"
    for number in range(ALL_TRIES - 1):
        address = f"198.18.{number // 250}.{number % 250}"
        assert (await redeem(paired_daemon, wrong, address)).status == 403

    async def may_try_again() -> bool:
        return (await redeem(paired_daemon, wrong, "192.0.2.99")).status == 403

    await until(may_try_again)
    _, admin = await paired(paired_daemon, "admin")

    async def is_noted() -> bool:
        answer = await ask(paired_daemon, "GET", "/api/audit?limit=1000", headers=admin)
        return ("pairing code burned", "192.0.2.99") in {
            (entry["what"], entry["address"]) for entry in answer.json["audit"]
        }

    await until(is_noted)


async def test_control_characters_are_removed_from_the_name_of_a_client(
    paired_daemon: Daemon,
) -> None:
    code = new_code(paired_daemon, "--role", "guest")
    body = {"code": code, "name": "\x1b]0;mine\x07 phone\nabc123  me  admin"}
    answer = await ask(paired_daemon, "POST", "/api/pair", body=body)
    assert answer.json["client"]["name"] == "]0;mine phone abc123 me admin"


async def test_a_conversation_belongs_to_its_client(paired_daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    _, other = await paired(paired_daemon, "user")
    token = mine["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        hangs_up = f"/api/sessions/{call.session_id}"
        foreign = await ask(paired_daemon, "DELETE", hangs_up, headers=other)
        unknown = await ask(paired_daemon, "DELETE", "/api/sessions/none", headers=other)
        assert (foreign.status, foreign.json) == (unknown.status, unknown.json)
        assert foreign.code == "session_unknown"
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
        for wanted in (call.conversation_id, "nobodys"):
            wish = {"conversation_id": wanted}
            joined = await ask(paired_daemon, "POST", "/api/sessions", body=wish, headers=other)
            assert joined.status == 201
            assert joined.json["conversation_id"] not in (call.conversation_id, "nobodys")
    place = f"/api/conversations/{call.conversation_id}"

    async def is_kept() -> bool:
        return (await ask(paired_daemon, "GET", place, headers=mine)).status == 200

    await until(is_kept)
    for method, path in (("GET", place), ("GET", f"{place}/export"), ("DELETE", place)):
        answer = await ask(paired_daemon, method, path, headers=other)
        assert (answer.status, answer.code) == (404, "not_found")
    listed = await ask(paired_daemon, "GET", "/api/conversations", headers=other)
    assert listed.json == {"conversations": []}
    searched = await ask(paired_daemon, "GET", "/api/conversations/search?q=day", headers=other)
    assert searched.json == {"found": []}
    assert (await ask(paired_daemon, "GET", place, headers=mine)).status == 200
    _, admin = await paired(paired_daemon, "admin")
    assert (await ask(paired_daemon, "GET", place, headers=admin)).status == 200


async def test_reading_somebody_elses_conversation_is_noted_once(paired_daemon: Daemon) -> None:
    user_id, mine = await paired(paired_daemon, "user")
    admin_id, admin = await paired(paired_daemon, "admin")
    token = mine["Authorization"].removeprefix("Bearer ")
    async with calling(paired_daemon.base_url, token=token) as call:
        sent = await call.type("are you a marmot")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
    place = f"/api/conversations/{call.conversation_id}"

    async def is_found() -> bool:
        found = await ask(paired_daemon, "GET", "/api/conversations/search?q=marmot", headers=admin)
        return bool(found.json["found"])

    await until(is_found)
    for reader in (mine, admin, admin):
        for path in (place, f"{place}/turns"):
            assert (await ask(paired_daemon, "GET", path, headers=reader)).status == 200

    async def entries() -> list[tuple[str, str]]:
        path = f"/api/audit?client={user_id}"
        answer = await ask(paired_daemon, "GET", path, headers=admin)
        return [(e["what"], e["who"]) for e in answer.json["audit"] if e["what"] != "paired"]

    async def is_noted() -> bool:
        return len(await entries()) == 2

    await until(is_noted)
    assert sorted(await entries()) == [
        ("conversation read", admin_id),
        ("conversations searched", admin_id),
    ]


async def test_a_ticket_works_only_for_the_client_it_was_made_for(paired_daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    _, other = await paired(paired_daemon, "user")
    made = await ask(paired_daemon, "POST", "/api/sessions", headers=mine)
    ticket = made.json["token"]
    foreign = await refused(paired_daemon, made.json["ws_url"], other)
    unknown = await refused(paired_daemon, f"/ws/none?token={ticket}", other)
    assert (foreign.status, foreign.json) == (unknown.status, unknown.json)
    assert (foreign.status, foreign.code) == (404, "session_unknown")
    async with connected(paired_daemon, made.json["ws_url"], mine) as ws:
        assert not ws.closed


async def test_ids_of_the_self_test_are_refused(paired_daemon: Daemon, daemon: Daemon) -> None:
    _, mine = await paired(paired_daemon, "user")
    wish = {"conversation_id": f"{SELFTEST_PREFIX}1"}
    for asked, headers in ((paired_daemon, mine), (daemon, {})):
        answer = await ask(asked, "POST", "/api/sessions", body=wish, headers=headers)
        assert (answer.status, answer.code) == (400, "bad_request")


async def test_a_conversation_belongs_to_its_client_before_it_is_committed(
    paired_daemon: Daemon,
) -> None:
    _, mine = await paired(paired_daemon, "user")
    _, other = await paired(paired_daemon, "user")
    token = mine["Authorization"].removeprefix("Bearer ")
    file = paired_daemon.state / "voice_conversations.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # the appliance cannot commit until the rollback
        async with calling(paired_daemon.base_url, token=token) as call:
            wish = {"conversation_id": call.conversation_id}
            joined = await ask(paired_daemon, "POST", "/api/sessions", body=wish, headers=other)
            assert joined.json["conversation_id"] != call.conversation_id
        database.execute("ROLLBACK")


async def test_new_sessions_are_limited_per_client(paired_daemon: Daemon) -> None:
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


async def test_pairing_prints_a_qr_code_of_the_address(paired_daemon: Daemon) -> None:
    printed = paired_daemon.command_line("pair", "--address", "https://box.local:8443").stdout
    assert "Open https://box.local:8443 and enter it, or scan:" in printed
    assert printed.count("█") + printed.count("▀") + printed.count("▄") > 200
    assert "Traceback" not in printed
