"""Nothing that is read of a million events stops anybody's sound."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from appliance.bench.loop_probe import parse_iterations
from appliance.client import calling
from tests.daemon import Daemon, running
from tests.store.large_history import LONG, write_history

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(600)]

EVENTS = 1_000_000
MOST_STALL = 0.020  # seconds; time in which other programs have the processor does not count

READS = (
    "/api/conversations?limit=200",
    "/api/conversations/search?q=word12&limit=200",
    "/api/conversations/search?q=w&limit=200",
    "/api/conversations/search?q=nowhere",
    f"/api/conversations/{LONG}",
    f"/api/conversations/{LONG}/turns?limit=200",
    f"/api/conversations/{LONG}/export?format=json",
    f"/api/conversations/{LONG}/export?format=markdown",
    "/api/analytics?days=366",
    "/api/analytics.csv?days=366",
    "/api/tasks?limit=200",
    "/api/audit",
    "/api/status",
)

PINGS = """
import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
took = []
while True:
    begin = time.monotonic()
    connection.request("GET", "/api/ping")
    connection.getresponse().read()
    print(begin, time.monotonic() - begin, flush=True)
    time.sleep(0.01)
"""


@asynccontextmanager
async def pinged(daemon: Daemon) -> AsyncIterator[list[tuple[float, float]]]:
    """Another program that asks for /api/ping, with the beginning and the time of each."""
    port = daemon.base_url.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PINGS, port, stdout=asyncio.subprocess.PIPE
    )
    pings: list[tuple[float, float]] = []

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            begin, took = map(float, line.split())
            pings.append((begin, took))

    reading = asyncio.create_task(read())
    try:
        yield pings
    finally:
        process.kill()
        await process.wait()
        await reading


async def get(daemon: Daemon, path: str) -> int:
    """Reads the whole answer, and returns its size."""
    size = 0
    timeout = aiohttp.ClientTimeout(total=300)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(daemon.base_url + path) as answer,
    ):
        assert answer.status == 200, await answer.text()
        async for piece in answer.content.iter_chunked(65_536):
            size += len(piece)
    return size


async def talk(daemon: Daemon, **options: str) -> int:
    async with calling(daemon.base_url, options=options) as call:
        sent = await call.type("what day is it")
        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent, seconds=60)
    return 0


async def test_no_read_of_a_million_events_holds_the_loop(tmp_path: Path) -> None:
    write_history(tmp_path / "voice_conversations.db", EVENTS, time.time())
    probe = tmp_path / "iterations"
    probe.touch()
    module = "tests.e2e.probed_appliance"
    found: dict[str, tuple[float, float, float]] = {}
    async with (
        running(tmp_path, {"PROBE": str(probe)}, module=module, seconds=120) as daemon,
        pinged(daemon) as pings,
    ):
        await talk(daemon)  # the first of a process loads what is no read
        for path in (*READS, "a session"):
            begin = time.monotonic()
            size = await (
                talk(daemon, conversation_id=LONG) if path == "a session" else get(daemon, path)
            )
            end = time.monotonic()
            recorded = probe.read_text(encoding="ascii")
            stalls = [one.stall for one in parse_iterations(recorded) if begin <= one.begin < end]
            waits = [took for at, took in pings if begin <= at + took and at < end]
            found[path] = (end - begin, max(stalls, default=0.0), max(waits, default=0.0))
            print(  # noqa: T201  the figures
                f"{path}: {size} bytes in {end - begin:.2f} s, longest stall"
                f" {1000 * found[path][1]:.1f} ms, ping {1000 * found[path][2]:.1f} ms"
            )
    assert {path: stall for path, (_, stall, _) in found.items() if stall > MOST_STALL} == {}
