"""An aiohttp WebSocket in the shape in which Pipecat's FastAPI transport takes one.

Both sides of the comparison stand on the same HTTP server in this way, so that it is not what
is compared; and Pipecat's transport is the one that its examples use.
"""

from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocketState

if TYPE_CHECKING:
    from aiohttp import web


class StarletteSocket:
    """As much of starlette.websockets.WebSocket as the transport calls."""

    def __init__(self, request: "web.Request", socket: "web.WebSocketResponse") -> None:
        self.headers = request.headers
        self.client_state = self.application_state = WebSocketState.CONNECTED
        self._socket = socket

    async def receive(self) -> dict[str, Any]:
        """The next message as ASGI has it."""
        message = await self._socket.receive()
        if isinstance(message.data, bytes):
            return {"type": "websocket.receive", "bytes": message.data}
        if isinstance(message.data, str):
            return {"type": "websocket.receive", "text": message.data}
        self.client_state = WebSocketState.DISCONNECTED
        return {"type": "websocket.disconnect", "code": self._socket.close_code}

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def send_text(self, data: str) -> None:
        await self._socket.send_str(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.application_state = WebSocketState.DISCONNECTED
        await self._socket.close(code=code, message=(reason or "").encode())
