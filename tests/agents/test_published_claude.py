"""Claude Code as it is published, against a scripted Messages endpoint on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from appliance.agents import AgentEvent, AgentOutcome, AgentProgress, SessionStarted
from appliance.agents.claude import ClaudeCode
from appliance.bench.scripted_llm import serve_on_free_port
from tests.agents.conftest import environment, task
from tests.agents.test_claude import Make

pytestmark = [pytest.mark.released, pytest.mark.slow]

REQUEST = "Say “hi”, then stop: is that all right?"


class Messages:
    """The endpoint: answers every question with the same words, or refuses it with a status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.bodies: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        if self.status != 200:
            error = {"type": "authentication_error", "message": "invalid x-api-key"}
            return web.json_response({"type": "error", "error": error}, status=self.status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in _events("All is well."):
            line = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            await response.write(line.encode())
        return response


def _events(text: str) -> list[dict[str, Any]]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    message: dict[str, Any] = {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"},
        **{"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage},
    }
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 4},
        },
        {"type": "message_stop"},
    ]


@asynccontextmanager
async def messages(status: int = 200) -> AsyncIterator[tuple[Messages, str]]:
    endpoint = Messages(status)
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/v1/messages", endpoint.answer)
    async with serve_on_free_port(app) as place:
        yield endpoint, f"http://{place}"


async def ask(
    config: Make, program: Path, url: str, home: Path
) -> tuple[AgentOutcome, list[AgentEvent]]:
    environ = environment(
        HOME=str(home),
        ANTHROPIC_API_KEY="sk-nobody",
        ANTHROPIC_BASE_URL=url,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
    )
    heard: list[AgentEvent] = []
    agent = ClaudeCode(config(command=str(program)), environ)
    async with asyncio.timeout(120):
        return await agent.work(task(REQUEST), heard.append), heard


async def test_a_task_is_done(claude_config: Make, claude_code: Path, tmp_path: Path) -> None:
    async with messages() as (endpoint, url):
        outcome, heard = await ask(claude_config, claude_code, url, tmp_path)
    assert (outcome.ok, outcome.text) == (True, "All is well.")
    assert isinstance(heard[0], SessionStarted)
    assert AgentProgress("All is well.") in heard
    assert REQUEST in json.dumps(endpoint.bodies[-1]["messages"], ensure_ascii=False)


async def test_a_key_that_is_refused_ends_the_task_at_once(
    claude_config: Make, claude_code: Path, tmp_path: Path
) -> None:
    async with messages(401) as (endpoint, url):
        outcome, heard = await ask(claude_config, claude_code, url, tmp_path)
    assert not outcome.ok
    assert outcome.text.startswith("It cannot reach its service, 401: its key or login")
    assert AgentProgress("It cannot reach its service, 401. Attempt 1 of 10.") in heard
    # It would have tried it ten times, for minutes.
    assert len(endpoint.bodies) <= 3
