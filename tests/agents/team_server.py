"""An agent team on a real port: it answers, drops connections, and sends messages by itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer


@dataclass
class TeamServer:
    """The messages that the team got, and how it behaves at the next one of each kind."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    drops: int = 0
    silent: bool = False
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.authorization.append(request.headers.get("Authorization", ""))
        self.sockets.append(socket)
        await self._note(None)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._hear(socket, json.loads(message.data))
        return socket

    async def _hear(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        if message["type"] == "message" and self.drops:
            self.drops -= 1
            await self._note(message)
            await socket.close()
            return
        if message["type"] == "message" and not self.silent:
            await self.say(type="progress", id=message["id"], text=f"Working on {message['text']}")
            answer = {"type": "result", "id": message["id"], "text": f"Did {message['text']}"}
            await self.say(**answer, cost_usd=0.5)
        await self._note(message)

    async def _note(self, message: dict[str, Any] | None) -> None:
        async with self.arrived:
            if message is not None:
                self.got.append(message)
            self.arrived.notify_all()

    async def say(self, **message: object) -> None:
        """Sends something on the newest connection."""
        await self.sockets[-1].send_str(json.dumps(message))

    async def until(self, kind: str, times: int = 1) -> None:
        """Returns when that many messages of a kind have come ("" counts connections)."""
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: self._count(kind) >= times)

    def _count(self, kind: str) -> int:
        return sum(m["type"] == kind for m in self.got) if kind else len(self.sockets)


@asynccontextmanager
async def team_server(**behaviour: Any) -> AsyncIterator[TeamServer]:  # noqa: ANN401  of TeamServer
    """A team that listens until the block ends."""
    team = TeamServer(**behaviour)
    app = web.Application()
    app.router.add_get("/team", team.serve)
    server = TestServer(app)
    await server.start_server()
    team.url = f"ws://127.0.0.1:{server.port}/team"
    try:
        yield team
    finally:
        for socket in team.sockets:
            await socket.close()
        await server.close()
