"""Tricks with names of hosts, origins of pages, and paths, sent as bytes to a paired appliance."""

import asyncio
import itertools
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from appliance.access.tokens import Role
from appliance.api.middleware import COOKIE
from tests.api.test_clients import paired
from tests.campaign.row import Row, Trial
from tests.daemon import Daemon, running

TRICKS = tomllib.loads(Path(__file__).with_name("tricks.toml").read_text(encoding="utf-8"))
HOSTS = (*TRICKS["hosts"], "a" * 300, "a." * 100 + "example")
ORIGINS = tuple(TRICKS["origins"])
PATHS = tuple(TRICKS["paths"])


def requests(daemon: Daemon, cookie: str) -> Iterator[tuple[str, bytes]]:
    """Requests none of which may be answered with anything of the appliance."""
    host = urlsplit(daemon.base_url).netloc
    name = host.partition(":")[0]
    for trick in HOSTS:
        for path in ("/api/me", "/api/conversations", "/api/ping"):
            # Even an administrator's own browser, led here by a foreign name.
            request = (f"GET {path} HTTP/1.1", f"Host: {trick}", f"Cookie: {COOKIE}={cookie}")
            yield f"host {trick[:40]!r} {path}", written(request)
    for trick in ORIGINS:
        origin = trick.format(host=host, name=name)
        for method, path in (("POST", "/api/sessions"), ("DELETE", "/api/clients/x")):
            lines = [
                *(f"{method} {path} HTTP/1.1", f"Host: {host}", f"Origin: {origin}"),
                *(f"Cookie: {COOKIE}={cookie}", "Content-Length: 2"),
            ]
            yield f"origin {trick[:40]!r} {method} {path}", written(lines, "{}")
    for trick in PATHS:
        for more in ((), ("X-Original-URL: /api/clients",), ("X-Forwarded-For: 127.0.0.1",)):
            lines = [f"GET {trick} HTTP/1.1", f"Host: {host}", *more]
            yield f"path {trick[:40]!r} {more}", written(lines)


def written(lines: Sequence[str], body: str = "") -> bytes:
    return ("\r\n".join((*lines, "Connection: close")) + f"\r\n\r\n{body}").encode()


async def answer_to(daemon: Daemon, request: bytes) -> bytes:
    place = urlsplit(daemon.base_url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


async def run(trial: Trial) -> None:
    async with running(trial.directory, {"APPLIANCE__ACCESS__MODE": "paired"}) as daemon:
        _, bearer = await paired(daemon, Role.ADMIN)
        cookie = bearer["Authorization"].removeprefix("Bearer ")
        for what, request in itertools.islice(requests(daemon, cookie), trial.n):
            with trial.judged(what):
                answer = await answer_to(daemon, request)
                status = answer.partition(b"\r\n")[0]
                assert status[9:10] == b"4", status
                assert b'"clients"' not in answer
                assert b"root:" not in answer


ROW = Row(
    name="hosts-origins-paths",
    done="foreign and odd Host headers and origins with an administrator's cookie, odd paths "
    "without one",
    unit="requests",
    lost="an answer that is no refusal (4xx)",
    n=len(HOSTS) * 3 + len(ORIGINS) * 2 + len(PATHS) * 3,
    run=run,
)
