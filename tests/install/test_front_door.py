"""A real appliance behind a real nginx: who gets in, how far, and how fast somebody is out."""

import asyncio
import http.cookies
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from appliance.api.middleware import COOKIE
from appliance.api.routes import ROUTES
from appliance.client import calling
from tests.daemon import Daemon, running
from tests.install.conftest import Site, serving
from tests.install.shell import CERTIFICATE, succeed
from tests.stranger import until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

OPEN_PATHS = {"/health", "/ready", "/api/ping", "/api/pair"}


@dataclass(frozen=True)
class Door:
    """The address that a browser has, and the daemon's own beside it."""

    site: Site
    daemon: Daemon
    http: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON or text, and headers; asked again where these tests ask too fast."""
        while True:
            answer = await self._ask(method, path, body, {"Origin": self.site.https, **headers})
            if answer[0] != 429 or path == "/api/pair":
                return answer
            await asyncio.sleep(float(answer[2].get("Retry-After", 0.1)))

    async def _ask(
        self, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[int, Any, Mapping[str, str]]:
        async with self.http.request(
            method, self.site.https + path, json=body, headers=headers
        ) as answer:
            is_json = answer.content_type == "application/json"
            content = await (answer.json() if is_json else answer.text())
            return answer.status, content, answer.headers

    async def code(self, role: str) -> str:
        control = aiohttp.UnixConnector(str(self.daemon.state / "control.sock"))
        async with (
            aiohttp.ClientSession(connector=control) as http,
            http.post("http://appliance/pair", json={"role": role}) as made,
        ):
            return str((await made.json())["code"])

    async def client(self, role: str) -> tuple[str, dict[str, str]]:
        """A new client's id and its cookie; paired at the daemon, for nginx counts attempts."""
        headers = {"Origin": self.daemon.base_url, "X-Forwarded-For": "192.0.2.1"}
        body = {"code": await self.code(role)}
        async with self.http.post(
            f"{self.daemon.base_url}/api/pair", json=body, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            paired = await answer.json()
        return paired["client"]["id"], {"Cookie": f"{COOKIE}={paired['token']}"}

    async def joined(self, path: str, headers: Mapping[str, str]) -> int:
        """The status of a WebSocket handshake."""
        ours = {"Origin": self.site.https, **headers}
        try:
            async with self.http.ws_connect(self.site.https + path, headers=ours):
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tls = tmp_path_factory.mktemp("front") / "tls"
    succeed(CERTIFICATE, tls, "--host", "kitchen", "--address", "192.168.1.20")
    with serving(tls) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(front: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    overrides = {
        "APPLIANCE__ACCESS__MODE": "paired",
        "APPLIANCE__SERVER__PORT": str(front.upstream),
    }
    state: Path = tmp_path_factory.mktemp("state")
    connector = aiohttp.TCPConnector(ssl=front.trusted)
    async with (
        running(state, overrides) as daemon,
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield Door(front, daemon, http)


async def test_a_code_makes_a_browser_a_client_once(door: Door) -> None:
    body = {"code": await door.code("user"), "name": "Firefox on Linux"}
    evil = {"Origin": "https://evil.example"}
    assert (await door.ask("POST", "/api/pair", body=body, headers=evil))[0] == 403
    status, paired, headers = await door.ask("POST", "/api/pair", body=body)
    assert status == 200
    cookie = http.cookies.SimpleCookie(headers["Set-Cookie"])[COOKIE]
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Strict")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["max-age"] == str(180 * 24 * 3600)
    assert COOKIE.startswith("__Host-")
    status, again, _ = await door.ask("POST", "/api/pair", body=body)
    assert (status, again["error"]["code"]) == (403, "pairing_refused")
    bearer = {"Authorization": f"Bearer {paired['token']}"}
    status, me, _ = await door.ask("GET", "/api/me", headers=bearer)
    assert (status, me["client"]["name"]) == (200, "Firefox on Linux")


async def test_who_is_not_paired_gets_nowhere(door: Door) -> None:
    for route in ROUTES:
        path = route.path.replace("{id}", "x")
        if path in OPEN_PATHS or path.startswith(("/ws/", "/metrics", "/internal/")):
            continue
        for headers in ({}, {"Cookie": f"{COOKIE}=wrong"}, {"Authorization": "Bearer x"}):
            status, answer, _ = await door.ask(route.method, path, headers=headers)
            assert (status, answer["error"]["code"]) == (401, "not_paired"), route
    assert await door.joined("/ws/x?token=y", {}) == 401
    for path in ("/internal/auth", "/internal", "/local", "/metrics"):
        assert (await door.ask("GET", path))[0] == 404


async def test_only_the_page_itself_connects(door: Door) -> None:
    _, cookie = await door.client("guest")

    async def ticket() -> str:
        status, session, _ = await door.ask("POST", "/api/sessions", body={}, headers=cookie)
        assert status == 201, session
        return str(session["ws_url"])

    offered = await ticket()
    for foreign in ("https://evil.example", "null", door.site.http):
        assert await door.joined(offered, {**cookie, "Origin": foreign}) == 403
    assert await door.joined(offered, {**cookie, "Host": "evil.example"}) == 421
    assert await door.joined(offered, {}) == 401
    assert await door.joined(offered, cookie) == 101
    status, answer, _ = await door.ask("GET", "/api/me", headers={**cookie, "Host": "evil.example"})
    assert (status, answer["error"]["code"]) == (421, "wrong_host")


async def test_a_revoked_client_is_out_within_a_second(door: Door) -> None:
    """Once in five times at least: what else the machine is doing is not the appliance's."""
    _, admin = await door.client("admin")
    took: list[float] = []
    while not took or min(took) > 1.0:
        assert len(took) < 5, took
        took.append(await until_out(door, admin))


async def until_out(door: Door, admin: Mapping[str, str]) -> float:
    """How long a client's conversation outlives its client."""
    client_id, cookie = await door.client("user")
    token = cookie["Cookie"].removeprefix(f"{COOKIE}=")
    tls: ssl.SSLContext = door.site.trusted
    async with calling(door.site.https, token=token, tls=tls, microphone=False) as call:
        status, _, _ = await door.ask("DELETE", f"/api/clients/{client_id}", headers=admin)
        assert status == 204
        begun = time.monotonic()
        assert await call.wait_closed(seconds=30.0) == 4401
        took = time.monotonic() - begun
    assert await door.joined(f"/ws/{call.session_id}?token=x", cookie) == 401
    assert (await door.ask("GET", "/api/me", headers=cookie))[0] == 401
    return took


async def test_the_address_of_whoever_guesses_reaches_the_trail(door: Door) -> None:
    _, admin = await door.client("admin")
    forged = {"X-Forwarded-For": "203.0.113.1", "X-Real-IP": "203.0.113.1"}
    body = {"code": "0"}
    assert (await door.ask("POST", "/api/pair", body=body, headers=forged))[0] in (403, 429)

    async def is_noted() -> bool:
        _, answer, _ = await door.ask("GET", "/api/audit", headers=admin)
        refused = [e for e in answer["audit"] if e["outcome"] != "done"]
        return bool(refused) and {e["address"] for e in refused} == {"127.0.0.1"}

    await until(is_noted)


async def test_rapid_guesses_end_at_nginx(door: Door) -> None:
    answers = [await door.ask("POST", "/api/pair", body={"code": "0"}) for _ in range(12)]
    assert [status for status, _, _ in answers].count(429) >= 6
    busy = [content["error"] for status, content, _ in answers if status == 429]
    assert {error["code"] for error in busy} == {"too_many_requests"}


async def test_many_tokens_of_nobodys_open_nothing(door: Door) -> None:
    """Beyond what nginx lets through in a second: at the daemon itself."""
    base = door.daemon.base_url
    for number in range(1000):
        headers = {"Authorization": f"Bearer {number:043}"}
        async with door.http.get(f"{base}/api/me", headers=headers) as answer:
            assert answer.status == 401
