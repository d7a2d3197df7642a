"""The connection of a peer that vanishes or never reads is dropped."""

import asyncio
import base64
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from appliance.api import websocket
from appliance.api.websocket import AiohttpSocket
from tests.stranger import masked_frame, until


@asynccontextmanager
async def serving(handle: web.RequestHandler | object) -> AsyncIterator[tuple[web.AppRunner, int]]:
    app = web.Application()
    app.router.add_get("/", handle)  # type: ignore[arg-type]
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner, runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def silent_peer(port: int, *, small_buffer: bool = True) -> socket.socket:
    """Opens a WebSocket, and then neither reads nor closes it."""
    peer = socket.socket()
    if small_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    peer.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(peer, ("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    await loop.sock_sendall(
        peer,
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key.encode() + b"\r\n\r\n",
    )
    return peer


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_peer_that_does_not_read_is_dropped(
    monkeypatch: pytest.MonkeyPatch, hangs_up: bool
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.2)
    over = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        ours = AiohttpSocket(lambda _: None)
        ours.check(request)
        response = await ours.prepare(request)
        writing = asyncio.create_task(write(ours))
        if hangs_up:
            await ours.close(1000, "enough")
        else:
            assert await ours.receive() is None
        writing.cancel()
        ours.release()
        over.set()
        return response

    async def write(ours: AiohttpSocket) -> None:
        while True:
            await ours.send(bytes(50_000))
            await asyncio.sleep(0)

    async with serving(handle) as (runner, port):
        peer = await silent_peer(port)
        async with asyncio.timeout(10):
            await over.wait()

        await until(lambda: is_left(runner))
        peer.close()


PING, PONG, EMPTY, HUGE = (
    masked_frame(b"", opcode=9),
    masked_frame(b"", opcode=10),
    masked_frame(b""),
    masked_frame(bytes(60_000)),
)


@pytest.mark.parametrize("frame", [PING, PONG, EMPTY, HUGE], ids=["ping", "pong", "empty", "huge"])
async def test_a_flood_waits_at_its_sender_and_is_closed(
    monkeypatch: pytest.MonkeyPatch, frame: bytes
) -> None:
    monkeypatch.setattr(websocket, "PATIENCE_SECONDS", 0.5)
    refused: list[str] = []
    over, received = asyncio.Event(), 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal received
        ours = AiohttpSocket(refused.append)
        ours.check(request)
        response = await ours.prepare(request)
        while await ours.receive() is not None:
            received += 1
        ours.release()
        over.set()
        return response

    async with serving(handle) as (runner, port):
        peer = await silent_peer(port, small_buffer=False)
        peer_tasks = [
            asyncio.create_task(send_on(peer, frame * max(1, 60_000 // len(frame)))),
            asyncio.create_task(read_on(peer)),  # the pongs
        ]
        async with asyncio.timeout(20):
            await over.wait()
        await asyncio.wait(peer_tasks)
        peer.close()
        await until(lambda: is_left(runner))
    assert refused == ["websocket_flood"]
    assert received <= websocket.UNIT_BURST + websocket.UNITS_PER_SECOND


async def is_left(runner: web.AppRunner) -> bool:
    assert runner.server is not None
    return not runner.server.connections


async def send_on(peer: socket.socket, data: bytes) -> None:
    """Sends again and again until the connection is closed."""
    with contextlib.suppress(OSError):
        while True:
            await asyncio.get_running_loop().sock_sendall(peer, data)


async def read_on(peer: socket.socket) -> None:
    """Reads until the connection is closed."""
    with contextlib.suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(peer, 65_536):
            pass
