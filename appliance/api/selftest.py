"""Serves the self-test: its results to the page, and the running engines to the self-test itself.

The latter is on the control socket only. A self-test also opens sessions like any client, through
nginx. The ids of that client and its conversations begin with SELFTEST_PREFIX; by it they are
deleted afterwards, or by the next self-test where one was killed.
"""

import base64
import math
import time
import uuid
from dataclasses import asdict
from typing import Annotated

from aiohttp import web
from pydantic import Field

from appliance.access.tokens import Role, new_token, token_hash
from appliance.api.dependencies import DEPENDENCIES, ApiDependencies
from appliance.api.schemas import JsonBody, read_body
from appliance.conversation import SELFTEST_PREFIX
from appliance.errors import BadRequest
from appliance.store.records import Client

LONGEST_SECONDS = 20  # of a recording to be transcribed


class SpeechRequest(JsonBody):
    """POST /say."""

    text: Annotated[str, Field(min_length=1, max_length=300)]


async def last(request: web.Request) -> web.Response:
    """GET /api/selftest → {running, progress, report, history}."""
    return web.json_response(request.app[DEPENDENCIES].selftest.state())


async def start(request: web.Request) -> web.Response:
    """POST /api/selftest → 202 and the same as GET; 409 while a self-test is under way."""
    await read_body(request, JsonBody)
    selftest = request.app[DEPENDENCIES].selftest
    selftest.start()
    return web.json_response(selftest.state(), status=202)


async def hear(request: web.Request) -> web.Response:
    """POST /hear, 16 kHz PCM → {engine, text, seconds, share}."""
    pcm = await request.read()
    if not pcm or len(pcm) % 2 or len(pcm) > LONGEST_SECONDS * 32_000:
        raise BadRequest(
            f"a recording has whole 16-bit samples at 16 kHz, at most {LONGEST_SECONDS} seconds"
        )
    heard = await request.app[DEPENDENCIES].engines.hear(pcm)
    return web.json_response(
        {
            "engine": heard.engine,
            "text": heard.text,
            "seconds": heard.seconds,
            "share": heard.real_time_factor,
        }
    )


async def say(request: web.Request) -> web.Response:
    """POST /say {text} → {engine, pcm, seconds, share}; pcm is 24 kHz as base64."""
    body = await read_body(request, SpeechRequest)
    said = await request.app[DEPENDENCIES].engines.say(body.text)
    return web.json_response(
        {
            "engine": said.engine,
            "pcm": base64.b64encode(said.pcm).decode(),
            "seconds": said.seconds,
            "share": said.real_time_factor if math.isfinite(said.real_time_factor) else None,
        }
    )


async def probe_llm(request: web.Request) -> web.Response:
    """POST /ask → the result of asking the language model for one token."""
    return web.json_response(asdict(await request.app[DEPENDENCIES].probe_llm()))


async def probe_realtime(request: web.Request) -> web.Response:
    """POST /knock → the result of opening a session with the Realtime server."""
    return web.json_response(asdict(await request.app[DEPENDENCIES].probe_realtime()))


async def enter_visitor(request: web.Request) -> web.Response:
    """POST /visitor → {token, prefix}: pairs a client for the self-test, until DELETE /visitor."""
    deps = request.app[DEPENDENCIES]
    await _delete_visitors(deps)
    now, token = time.time(), new_token()
    client = Client(
        SELFTEST_PREFIX + uuid.uuid4().hex[:12], "self-test", Role.GUEST.value, now, now, None
    )
    await deps.store.clients.add(client, token_hash(token))
    return web.json_response({"token": token, "prefix": SELFTEST_PREFIX})


async def remove_visitors(request: web.Request) -> web.Response:
    """DELETE /visitor: ends the sessions of such clients, and deletes them and what was said."""
    await _delete_visitors(request.app[DEPENDENCIES])
    return web.Response(status=204)


async def _delete_visitors(deps: ApiDependencies) -> None:
    sessions = deps.loaded_sessions()
    for client_id in await deps.store.clients.remove(SELFTEST_PREFIX):
        if sessions:
            sessions.revoke_client(client_id)
    for conversation_id in await deps.store.conversation_ids(SELFTEST_PREFIX):
        if sessions:
            await sessions.end_conversation(conversation_id)
        await deps.store.delete(conversation_id)
