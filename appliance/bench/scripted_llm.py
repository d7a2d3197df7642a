"""Serves a chat-completions endpoint with scripted answers at a fixed pace, on the loopback.

It stands in for a language model, so that nothing but the appliance's own parts vary the time of
a turn: the first token comes after a fixed delay, the others at a fixed rate.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.bench.answers import VARIED_ANSWERS

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(frozen=True, slots=True)
class TokenPace:
    """The speed and the texts of the answers, one after the other in a conversation.

    A token is a word.
    """

    first_token_seconds: float = 0.22
    tokens_per_second: float = 50.0
    answers: tuple[str, ...] = VARIED_ANSWERS

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The answer to a conversation: the same for the same messages."""
        questions = sum(1 for message in messages if message.get("role") == "user")
        return self.answers[(questions - 1) % len(self.answers)]

    def __str__(self) -> str:
        return (
            f"scripted, first token after {1000 * self.first_token_seconds:g} ms, "
            f"then {self.tokens_per_second:g} tokens/s"
        )


@dataclass(slots=True)
class ScriptedLLM:
    """A running endpoint. Its pace may be changed between two questions."""

    pace: TokenPace
    url: str = ""


@asynccontextmanager
async def scripted_llm(pace: TokenPace) -> AsyncIterator[ScriptedLLM]:
    """An endpoint that needs no key and answers streamed or whole."""
    from aiohttp import web  # here, because importing the bench loads nothing heavy

    endpoint = ScriptedLLM(pace)

    async def complete(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # A client that interrupts an answer disconnects at any moment.
        with contextlib.suppress(ConnectionResetError):
            body = await request.json()
            answer = endpoint.pace.answer(body["messages"])
            if not body.get("stream"):
                message = {"role": "assistant", "content": answer}
                return web.json_response(completion({"message": message, "finish_reason": "stop"}))
            await response.prepare(request)
            await _stream(response, endpoint.pace, answer)
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    async with serve_on_free_port(app) as address:
        endpoint.url = f"http://{address}/v1"
        yield endpoint


@asynccontextmanager
async def serve_on_free_port(app: "web.Application") -> AsyncIterator[str]:
    """Serves an application on the loopback; yields "host:port"."""
    from aiohttp import web

    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


async def _stream(response: "web.StreamResponse", pace: TokenPace, answer: str) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + pace.first_token_seconds
    for number, word in enumerate(answer.split(" ")):
        await asyncio.sleep(due - loop.time())
        delta = {"content": f" {word}" if number else word}
        await response.write(chunk_event({"delta": delta, "finish_reason": None}))
        due += 1 / pace.tokens_per_second
    await response.write(chunk_event({"delta": {}, "finish_reason": "stop"}))
    await response.write(b"data: [DONE]\n\n")


def chunk_event(choice: dict[str, Any]) -> bytes:
    """A chunk of a streamed completion as a server-sent event."""
    return f"data: {json.dumps(completion(choice))}\n\n".encode()


def completion(choice: dict[str, Any]) -> dict[str, Any]:
    """A completion with one choice: the whole answer with a "message", else a chunk of it."""
    kind = "chat.completion" if "message" in choice else "chat.completion.chunk"
    return {
        "id": "bench",
        "object": kind,
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, **choice}],
    }
