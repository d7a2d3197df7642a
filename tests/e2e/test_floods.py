"""Clients that send without end, in whatever mix: others are answered as before."""

import asyncio
import contextlib
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from appliance import wire
from appliance.client import Call, calling
from tests.daemon import Daemon, running
from tests.stranger import message, raw_message, until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

QUESTIONS = 5
RUBBISH = (b"\xff" * 40, b"", raw_message("[" * 2_000), bytes(60_000), "text")
AUDIO = (wire.encode(wire.Audio(b"\x01\x00" * 320)), wire.encode(wire.Audio(bytes(32_000))))
VALID = (
    message("client-message", {"t": "x"}),
    message("send-text", {"content": "what day is it"}),
    message("client-ready", {"version": "2.0.0"}),
)
FLOODS = {"rubbish": RUBBISH, "audio": AUDIO, "mixed": (*RUBBISH, *AUDIO, *VALID)}


async def answer_seconds(call: Call) -> float:
    """Returns the median time from a typed question to the sound of its answer."""
    times = []
    for _ in range(QUESTIONS):
        asked = await call.type("what day is it")
        sound = await call.wait_for(lambda a: a.kind == "audio", since=asked, seconds=30)
        times.append(sound.at - asked)
        await call.wait_for(lambda a: a.kind == "bot-stopped-speaking", since=sound.at, seconds=30)
    return statistics.median(times)


async def flood(base_url: str, frames: Iterator[bytes | str]) -> int | None:
    """Sends until the appliance closes the connection; returns its close code."""
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{base_url}/api/sessions") as created:
            address = base_url.replace("http", "ws", 1) + (await created.json())["ws_url"]
        async with http.ws_connect(address, max_msg_size=0) as ws:
            reading = asyncio.create_task(read_to_the_end(ws))
            with contextlib.suppress(ConnectionError):
                while not reading.done():
                    await send(ws, next(frames))
            await reading
            return ws.close_code


async def read_to_the_end(ws: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in ws:
        pass


async def send(ws: aiohttp.ClientWebSocketResponse, frame: bytes | str) -> None:
    if isinstance(frame, str):
        await ws.send_str(frame)
    else:
        await ws.send_bytes(frame)


@pytest.mark.parametrize("kind", FLOODS)
async def test_three_flooders_do_not_slow_the_answers_of_others(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path) as daemon, calling(daemon.base_url) as call:
        alone = await answer_seconds(call)
        # In a process of its own: it must not slow the client that measures.
        flooding = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.e2e.test_floods", daemon.base_url, kind
        )
        try:
            await until(lambda: floods_arrive(daemon), seconds=60)
            beside = await answer_seconds(call)
        finally:
            flooding.kill()
            await flooding.wait()
    assert beside <= 1.5 * alone + 0.05, f"{alone:.3f} s alone, {beside:.3f} s beside the flood"


async def floods_arrive(daemon: Daemon) -> bool:
    return await daemon.metric("appliance_sessions") > 1


async def flood_for_ever(base_url: str, kind: str) -> None:
    """Floods from three clients, which come back as soon as they are closed."""

    async def again_and_again() -> None:
        while True:
            await flood(base_url, itertools.cycle(FLOODS[kind]))

    await asyncio.gather(*(again_and_again() for _ in range(3)))


async def test_a_flood_is_closed_with_its_reason_and_a_little_rubbish_is_not(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as daemon:
        assert await flood(daemon.base_url, itertools.cycle(RUBBISH)) == 1008
        assert await daemon.metric("appliance_refused_total") >= 1
        async with calling(daemon.base_url) as call:
            for _ in range(2_000):
                await call.send_raw(b"\xff")
            asked = time.monotonic()
            await call.type("what day is it")
            answer = await call.wait_for(lambda a: a.kind == "bot-llm-text")
            assert answer.at - asked < 2.0


if __name__ == "__main__":
    asyncio.run(flood_for_ever(*sys.argv[1:3]))
