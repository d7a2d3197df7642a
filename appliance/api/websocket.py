"""Adapts an aiohttp WebSocket to the Socket protocol of sessions."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from aiohttp import ClientConnectionError, WebSocketError, WSCloseCode, WSMsgType, web

from appliance.errors import BadRequest

# Clients send a second of audio or a few kilobytes of text. A message beyond this size is not read
# to its end and closes the connection (1009).
MAX_MESSAGE_BYTES = 1024 * 1024
# Ends a session whose client vanished without closing (lost Wi-Fi, a closed laptop).
HEARTBEAT_SECONDS = 15.0
CLOSE_SECONDS = 2.0
# 100 ms of 24 kHz audio in our own buffer, and little in the kernel's: audio that waits there
# reaches the client even after a barge-in.
BUFFER_BYTES = 4_800
KERNEL_BUFFER_BYTES = 16_384


class AiohttpSocket:
    """One WebSocket of a request: `check`, `prepare`, use, `release`.

    `count_refusal` is called with the reason where a peer breaks the WebSocket protocol.
    """

    def __init__(self, count_refusal: Callable[[str], None]) -> None:
        self._count_refusal = count_refusal
        self._response = web.WebSocketResponse(
            max_msg_size=MAX_MESSAGE_BYTES,
            heartbeat=HEARTBEAT_SECONDS,
            timeout=CLOSE_SECONDS,
            compress=False,
            writer_limit=BUFFER_BYTES,
        )
        self._transport: asyncio.Transport | None = None

    def check(self, request: web.Request) -> None:
        """Raises BadRequest where the request does not ask for a WebSocket."""
        if not self._response.can_prepare(request):
            raise BadRequest(
                "this address serves WebSockets only",
                advice="Connect to it with a WebSocket client, version 13.",
            )

    async def prepare(self, request: web.Request) -> web.WebSocketResponse:
        await self._response.prepare(request)
        transport = request.transport
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            transport.set_write_buffer_limits(high=BUFFER_BYTES)
            raw: Any = transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        return self._response

    async def receive(self) -> bytes | str | None:
        message = await self._response.receive()
        if isinstance(message.data, WebSocketError):
            too_big = message.data.code == WSCloseCode.MESSAGE_TOO_BIG
            self._count_refusal("websocket_oversized" if too_big else "websocket_protocol")
        if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
            data: bytes | str = message.data
            return data
        return None

    async def send(self, data: bytes) -> None:
        # receive() reports a peer that left while we wrote.
        with contextlib.suppress(ClientConnectionError, ConnectionError, RuntimeError):
            await self._response.send_bytes(data)

    async def close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._response.close(code=code, message=reason.encode()[:120])
        except TimeoutError:
            # A peer that does not read will not answer the close frame either.
            self._abort()

    def release(self) -> None:
        """Drops data that is still unwritten; a closed connection would wait for it for ever."""
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
