"""Runs a scripted chat-completions endpoint on a real port, with the protocol of OpenAI's API.

A text is streamed token by token, a `Call` becomes a tool call, and `Trouble` is a failure.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from appliance.bench.scripted_llm import chunk_event, completion, serve_on_free_port


@dataclass(frozen=True)
class Call:
    """The model calls a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Mixed:
    """One answer of several texts and tool calls, in this order."""

    parts: tuple[str | Call, ...]


@dataclass(frozen=True)
class Trouble:
    """A failure: an HTTP status, no answer (`stall`), garbage, or a break after some tokens."""

    status: int = 200
    stall: bool = False
    break_after: int = -1
    garbage: bool = False
    text: str = "This is where it breaks off, I am afraid."


@dataclass(frozen=True)
class Body:
    """The body of an answer, byte by byte as a server wrote it; it may be cut into pieces.

    `seconds` are between two pieces; the connection stays open at the end where it `hangs`.
    """

    pieces: tuple[bytes, ...]
    seconds: float = 0.0
    hangs: bool = False
    status: int = 200


Reply = str | Call | Mixed | Trouble | Body
Script = Callable[[list[dict[str, Any]]], Reply]


@dataclass
class ChatServer:
    """A running endpoint; `script` maps the messages of a request to a reply.

    `requests` are the bodies received, in order; `keys` are their Authorization headers.
    """

    script: Script
    tokens_per_second: float = 200.0
    first_token_seconds: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    base_url: str = ""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        reply = self.script(body["messages"])
        trouble = reply if isinstance(reply, Trouble) else Trouble()
        if trouble.status != 200:
            error = {"error": {"message": "scripted", "type": "server_error"}}
            return web.json_response(error, status=trouble.status)
        if isinstance(reply, Body):
            return await self._send(request, reply)
        if not body.get("stream"):
            message = {"role": "assistant", "content": reply if isinstance(reply, str) else ""}
            return web.json_response(completion({"message": message, "finish_reason": "stop"}))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if trouble.stall:
            await asyncio.Event().wait()
        await self._stream(request, response, reply, trouble)
        return response

    async def _send(self, request: web.Request, body: Body) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream"}
        response = web.StreamResponse(headers=headers, status=body.status)
        await response.prepare(request)
        # A client that has heard enough disconnects.
        with contextlib.suppress(ConnectionError):
            for piece in body.pieces:
                await response.write(piece)
                await asyncio.sleep(body.seconds)
            if body.hangs:
                await asyncio.Event().wait()
        return response

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, reply: Reply, trouble: Trouble
    ) -> None:
        await asyncio.sleep(self.first_token_seconds)
        if trouble.garbage:
            await response.write(b"data: {not json\n\n")
            return
        deltas = _deltas(trouble.text if reply is trouble else reply)
        for number, delta in enumerate(deltas):
            if number == trouble.break_after:
                assert request.transport is not None
                request.transport.abort()
                return
            await response.write(chunk_event({"delta": delta, "finish_reason": None}))
            await asyncio.sleep(1 / self.tokens_per_second)
        ended = "tool_calls" if any("tool_calls" in delta for delta in deltas) else "stop"
        await response.write(chunk_event({"delta": {}, "finish_reason": ended}))
        await response.write(b"data: [DONE]\n\n")


def _deltas(reply: Reply) -> list[dict[str, Any]]:
    parts = reply.parts if isinstance(reply, Mixed) else (reply,)
    deltas: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        if isinstance(part, Call):
            index = sum(isinstance(before, Call) for before in parts[:number])
            function = {"name": part.name, "arguments": json.dumps(part.arguments)}
            call = {"index": index, "id": f"c{index + 1}", "type": "function"}
            deltas.append({"tool_calls": [{**call, "function": function}]})
        elif isinstance(part, str):
            deltas += [{"content": token} for token in _tokens(part)]
    return deltas


def _tokens(text: str) -> list[str]:
    words = text.split(" ")
    return [word if not n else f" {word}" for n, word in enumerate(words)]


@asynccontextmanager
async def chat_server(
    script: Script, *, tokens_per_second: float = 200.0, first_token_seconds: float = 0.0
) -> AsyncIterator[ChatServer]:
    """Runs the endpoint on a free port of the loopback."""
    server = ChatServer(script, tokens_per_second, first_token_seconds)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.complete)
    async with serve_on_free_port(app) as place:
        server.base_url = f"http://{place}/v1"
        yield server
