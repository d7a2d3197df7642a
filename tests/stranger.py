"""Sends raw requests and sockets, also such as break the protocol."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from appliance import wire
from tests.daemon import Daemon


@dataclass(frozen=True)
class Answered:
    """The answer to an HTTP request."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401  any JSON value
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """Returns the stable code of an error, and checks that the error has its one shape."""
        error = self.json["error"]
        assert set(self.json) == {"error"}
        assert set(error) == {"code", "message", "advice"}
        assert error["message"]
        return str(error["code"])


async def ask(
    daemon: Daemon,
    method: str,
    path: str,
    *,
    body: Any = None,  # noqa: ANN401  any JSON value
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """Sends one request, with `body` as JSON or with `data` as it is."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.request(
            method, daemon.base_url + path, json=body, data=data, headers=headers
        ) as answer,
    ):
        return Answered(answer.status, dict(answer.headers), await answer.text())


async def new_session(daemon: Daemon, **options: str) -> dict[str, Any]:
    """Creates a session, and returns the body of the answer."""
    answer = await ask(daemon, "POST", "/api/sessions", body=options)
    assert answer.status == 201, answer.text
    session: dict[str, Any] = answer.json
    return session


async def until(holds: Callable[[], Any], seconds: float = 15.0) -> None:
    """Waits until an asynchronous predicate holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110  what is awaited happens in another process
            await asyncio.sleep(0.05)


@asynccontextmanager
async def connected(
    daemon: Daemon, path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Opens a WebSocket, and sends nothing."""
    address = daemon.base_url.replace("http", "ws", 1) + path
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(address, headers=headers, max_msg_size=0) as ws,
    ):
        yield ws


async def refused(daemon: Daemon, path: str, headers: Mapping[str, str] | None = None) -> Answered:
    """Sends a WebSocket handshake that will be refused, and returns the answer."""
    key = base64.b64encode(os.urandom(16)).decode()
    handshake = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        **(headers or {}),
    }
    return await ask(daemon, "GET", path, headers=handshake)


async def next_message(ws: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """Returns the next RTVI message of a kind, and skips others before it."""
    async with asyncio.timeout(15):
        while True:
            frame = wire.decode(await ws.receive_bytes())
            if isinstance(frame, wire.Message) and frame.data["type"] == kind:
                return frame.data


def message(kind: str, data: Mapping[str, Any] | None = None) -> bytes:
    """Returns an encoded RTVI message, with an id of its own."""
    body = {"label": wire.LABEL, "type": kind, "id": uuid4().hex, "data": dict(data or {})}
    return wire.encode(wire.Message(body))


def raw_message(text: str) -> bytes:
    """Returns a message frame whose text need not be JSON."""
    frame = wire._frame_class()()
    frame.message.data = text
    return bytes(frame.SerializeToString())


async def deaf_socket(daemon: Daemon, path: str) -> socket.socket:
    """Opens a WebSocket that never reads, with the smallest receive buffer that Linux allows."""
    place = urlsplit(daemon.base_url)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (place.hostname, place.port))
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {place.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    )
    await loop.sock_sendall(raw, ("\r\n".join(lines) + "\r\n\r\n").encode())
    return raw


def masked_frame(payload: bytes, opcode: int = 2) -> bytes:
    """Returns a WebSocket frame as of a client, masked with zeros."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload
