"""Refusals are JSON of one shape with a fitting status; foreign origins and hosts are refused."""

import asyncio
import gzip
import json
import re
from urllib.parse import urlsplit

import pytest

from appliance.api.middleware import COOKIE
from appliance.api.routes import ROUTES
from appliance.api.server import MAX_BODY_BYTES
from tests.daemon import Daemon
from tests.stranger import ask, connected, new_session, refused, until

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("path", ["/", "/nothing", "/api", "/api/sessions/", "/api/../etc/passwd"])
async def test_an_unknown_path_is_not_found(daemon: Daemon, path: str) -> None:
    answer = await ask(daemon, "GET", path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
async def test_a_wrong_method_is_refused_by_name(daemon: Daemon, path: str) -> None:
    answer = await ask(daemon, "PUT", re.sub(r"{\w+}", "x", path))
    assert (answer.status, answer.code) == (405, "bad_request")
    assert "PUT" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"{", "body"),
        (b"hello", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 50_000, "body"),
        (b'{"colour": "red"}', "colour"),
        (b'{"voice": 7}', "voice"),
        (b'{"voice": null}', "voice"),
        (b'{"route": "elsewhere"}', "route"),
        (b'{"language": 7}', "language"),
        (b'{"conversation_id": "../../etc"}', "conversation_id"),
        (b'{"conversation_id": ""}', "conversation_id"),
        (b'{"system_prompt": "\\ud800"}', "body"),
        (json.dumps({"system_prompt": "x" * 9_000}).encode(), "system_prompt"),
        (b'{"voice": 1, "route": 2}', "voice"),
        (b'{"voice": 1, "route": 2}', "route"),
    ],
)
async def test_a_refusal_names_every_wrong_key_of_a_body(
    daemon: Daemon, data: bytes, named: str
) -> None:
    answer = await ask(daemon, "POST", "/api/sessions", data=data)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert f"{named}: " in answer.json["error"]["message"]
    assert answer.json["error"]["advice"]


async def test_a_request_that_breaks_off_is_refused_and_not_logged_as_a_failure(
    daemon: Daemon,
) -> None:
    counted = await daemon.metric("appliance_refused_total")
    address = urlsplit(daemon.base_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    host = address.netloc.encode()
    writer.write(
        b"POST /api/sessions HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 9\r\n\r\n{"
    )
    await writer.drain()
    writer.transport.abort()

    async def is_counted() -> bool:
        return await daemon.metric("appliance_refused_total") > counted

    await until(is_counted)
    assert "POST /api/sessions failed" not in "".join(daemon.log)


async def test_a_body_that_is_too_large_is_refused(daemon: Daemon) -> None:
    answer = await ask(daemon, "POST", "/api/sessions", data=b" " * (MAX_BODY_BYTES + 1))
    assert (answer.status, answer.code) == (413, "bad_request")


async def test_a_compressed_body_that_is_large_once_unpacked_is_refused(daemon: Daemon) -> None:
    answer = await ask(
        daemon,
        "POST",
        "/api/sessions",
        data=gzip.compress(b" " * 50_000_000),
        headers={"Content-Encoding": "gzip"},
    )
    assert (answer.status, answer.code) == (413, "bad_request")


async def test_a_body_that_does_not_unpack_is_refused(daemon: Daemon) -> None:
    answer = await ask(
        daemon, "POST", "/api/sessions", data=b"{}", headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status, answer.code) == (400, "bad_request")


async def test_refusals_are_counted(daemon: Daemon) -> None:
    counted = await daemon.metric("appliance_refused_total")
    await ask(daemon, "GET", "/nothing")
    await ask(daemon, "POST", "/api/sessions", data=b"{")
    assert await daemon.metric("appliance_refused_total") == counted + 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "file://"},
    ],
)
async def test_a_foreign_page_can_neither_write_nor_connect(
    daemon: Daemon, headers: dict[str, str]
) -> None:
    session = await new_session(daemon)
    created = await ask(daemon, "POST", "/api/sessions", headers=headers)
    assert (created.status, created.code) == (403, "forbidden")
    joined = await refused(daemon, session["ws_url"], headers)
    assert (joined.status, joined.code) == (403, "forbidden")
    async with connected(daemon, session["ws_url"], {"Origin": daemon.base_url}) as ws:
        assert not ws.closed


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "https"},
        {"Host": "192.0.2.1", "Cookie": f"{COOKIE}=x"},
    ],
    ids=["behind a proxy", "by the cookie"],
)
async def test_a_page_by_plain_http_is_not_the_https_pages_own(
    paired_daemon: Daemon, headers: dict[str, str]
) -> None:
    headers = {"Host": urlsplit(paired_daemon.base_url).netloc, **headers}
    host = headers["Host"]
    plain = await ask(
        paired_daemon, "POST", "/api/pair", headers={**headers, "Origin": f"http://{host}"}
    )
    assert (plain.status, plain.code) == (403, "forbidden")
    secure = await ask(
        paired_daemon, "POST", "/api/pair", headers={**headers, "Origin": f"https://{host}"}
    )
    assert (secure.status, secure.code) == (400, "bad_request")


@pytest.mark.parametrize("target", ["/api/ping", "http://somebody@{host}/api/ping"])
async def test_a_host_with_somebodys_name_before_it_is_refused(daemon: Daemon, target: str) -> None:
    address = urlsplit(daemon.base_url)
    named = f"somebody@{address.netloc}" if target.startswith("/") else address.netloc
    request = f"GET {target.format(host=address.netloc)} HTTP/1.1\r\nHost: {named}\r\n"
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"{request}Connection: close\r\n\r\n".encode())
    answered = (await reader.read()).decode()
    writer.close()
    assert answered.startswith("HTTP/1.1 421 ")
    assert '"wrong_host"' in answered


@pytest.mark.parametrize("host", ["evil.example", "[::", "127.0.0.1.evil.example:8080"])
async def test_a_foreign_host_name_is_refused(daemon: Daemon, host: str) -> None:
    session = await new_session(daemon)
    headers = {"Host": host, "Origin": f"http://{host}"}
    for method, path in (("GET", "/api/conversations"), ("POST", "/api/sessions")):
        answer = await ask(daemon, method, path, headers=headers)
        assert (answer.status, answer.code) == (421, "wrong_host")
    joined = await refused(daemon, session["ws_url"], headers)
    assert (joined.status, joined.code) == (421, "wrong_host")


async def test_no_request_of_this_file_was_an_internal_error(daemon: Daemon) -> None:
    assert "internal" not in (await ask(daemon, "GET", "/metrics")).text
