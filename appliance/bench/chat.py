"""A chat-completions endpoint that answers by the clock, on a real port of the loopback.

It stands in for a language model, so that the time of a turn is made of the appliance's own
parts: the first token comes after a fixed delay, the others at a fixed rate.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

ANSWER = (
    "That is a good question. I am a small box on your shelf, and what I say here was written "
    "down in advance. Ask me something else whenever you like."
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the endpoint answers."""

    first_token_seconds: float = 0.22
    tokens_per_second: float = 50.0

    def __str__(self) -> str:
        return (
            f"scripted, first token after {1000 * self.first_token_seconds:g} ms, "
            f"then {self.tokens_per_second:g} tokens/s"
        )


@asynccontextmanager
async def scripted_chat(pace: Pace) -> AsyncIterator[str]:
    """The base URL of an endpoint that says ANSWER to everybody, streamed or whole."""
    from aiohttp import web  # here, because importing the bench loads nothing heavy

    async def complete(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            message = {"role": "assistant", "content": ANSWER}
            return web.json_response(_chunk({"message": message, "finish_reason": "stop"}))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await _stream(response, pace)
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


async def _stream(response: "web.StreamResponse", pace: Pace) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + pace.first_token_seconds
    for number, word in enumerate(ANSWER.split(" ")):
        await asyncio.sleep(due - loop.time())
        delta = {"content": f" {word}" if number else word}
        await response.write(_event({"delta": delta, "finish_reason": None}))
        due += 1 / pace.tokens_per_second
    await response.write(_event({"delta": {}, "finish_reason": "stop"}))
    await response.write(b"data: [DONE]\n\n")


def _event(choice: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(_chunk(choice))}\n\n".encode()


def _chunk(choice: dict[str, Any]) -> dict[str, Any]:
    kind = "chat.completion" if "message" in choice else "chat.completion.chunk"
    return {
        "id": "bench",
        "object": kind,
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, **choice}],
    }
