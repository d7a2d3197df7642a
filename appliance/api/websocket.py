"""Adapts an aiohttp WebSocket to the Socket protocol of sessions."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from aiohttp import ClientConnectionError, WebSocketError, WSCloseCode, WSMessage, WSMsgType, web

from appliance.access.back_pressure import BackPressure, Flooded
from appliance.api.masked_frames import MaskedWebSocketResponse
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
# What is parsed in one step of the event loop: of the smallest frames, less than a millisecond.
READ_BYTES = 8_192
# A frame costs a unit, and one for each UNIT_BYTES of it. A microphone costs a hundred units a
# second; three hundred take a hundredth of a second of the event loop, whatever they hold.
UNIT_BYTES = 512
UNITS_PER_SECOND = 300.0
# Wi-Fi that was away for twenty seconds delivers so much at once.
UNIT_BURST = 2_000.0
PATIENCE_SECONDS = 10.0
FLOODED = "This device sent far more than anybody can say."


class AiohttpSocket:
    """One WebSocket of a request: `check`, `prepare`, use, `release`.

    `count_refusal` is called with the reason where a peer breaks the WebSocket protocol.
    """

    def __init__(self, count_refusal: Callable[[str], None]) -> None:
        self._count_refusal = count_refusal
        self._response = MaskedWebSocketResponse(
            max_msg_size=MAX_MESSAGE_BYTES,
            heartbeat=HEARTBEAT_SECONDS,
            # aiohttp would answer a flood of pings without ever returning to us.
            autoping=False,
            timeout=CLOSE_SECONDS,
            compress=False,
            writer_limit=BUFFER_BYTES,
        )
        self._transport: asyncio.Transport | None = None
        self._pressure = BackPressure(UNITS_PER_SECOND, UNIT_BURST, PATIENCE_SECONDS)

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
            reading: Any = transport  # asyncio passes `max_size` to recv; it is 256 KiB by default
            reading.max_size = READ_BYTES
            raw: Any = transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        return self._response

    async def receive(self) -> bytes | str | None:
        """The next message; the peer waits where it has sent more than its share."""
        while True:
            message = await self._response.receive()
            if message.type not in (
                WSMsgType.BINARY,
                WSMsgType.TEXT,
                WSMsgType.PING,
                WSMsgType.PONG,
            ):
                self._count_fault(message)
                return None
            try:
                await self._pressure.spend(1 + len(message.data) // UNIT_BYTES)
            except Flooded:
                self._count_refusal("websocket_flood")
                await self.close(WSCloseCode.POLICY_VIOLATION, FLOODED)
                return None
            if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                data: bytes | str = message.data
                return data
            if message.type is WSMsgType.PING:
                await self._pong(message.data)

    def _count_fault(self, message: WSMessage) -> None:
        if isinstance(message.data, WebSocketError):
            too_big = message.data.code == WSCloseCode.MESSAGE_TOO_BIG
            self._count_refusal("websocket_oversized" if too_big else "websocket_protocol")

    async def _pong(self, data: bytes) -> None:
        with contextlib.suppress(ClientConnectionError, ConnectionError, RuntimeError):
            await self._response.pong(data)

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
