"""The self-test: what the page asks for, and what a self-test asks of the running appliance.

The latter is served on the control socket alone. A self-test comes in as a client of its own,
through the front door; client and conversations carry VISITOR, so that nothing of them is left
behind, neither by this self-test nor by one that was killed.
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
from appliance.api.schemas import JsonBody, read
from appliance.conversation import VISITOR
from appliance.errors import BadRequest
from appliance.store.records import Client

LONGEST_SECONDS = 20  # of a recording to be heard


class Say(JsonBody):
    """POST /say."""

    text: Annotated[str, Field(min_length=1, max_length=300)]


async def last(request: web.Request) -> web.Response:
    """GET /api/selftest → {running, progress, report, history}."""
    return web.json_response(request.app[DEPENDENCIES].selftest.shown())


async def start(request: web.Request) -> web.Response:
    """POST /api/selftest → 202, and the same; 409 while one is under way."""
    await read(request, JsonBody)
    selftest = request.app[DEPENDENCIES].selftest
    selftest.start()
    return web.json_response(selftest.shown(), status=202)


async def hear(request: web.Request) -> web.Response:
    """POST /hear, 16 kHz PCM → {engine, text, seconds, share}."""
    pcm = await request.read()
    if not pcm or len(pcm) % 2 or len(pcm) > LONGEST_SECONDS * 32_000:
        raise BadRequest(f"send whole samples of 16 bits at 16 kHz, {LONGEST_SECONDS} s at most")
    heard = await request.app[DEPENDENCIES].engines.hear(pcm)
    return web.json_response(
        {
            "engine": heard.engine,
            "text": heard.text,
            "seconds": heard.seconds,
            "share": heard.share,
        }
    )


async def say(request: web.Request) -> web.Response:
    """POST /say {text} → {engine, pcm, seconds, share}; the sound is 24 kHz PCM as base64."""
    body = await read(request, Say)
    said = await request.app[DEPENDENCIES].engines.say(body.text)
    return web.json_response(
        {
            "engine": said.engine,
            "pcm": base64.b64encode(said.pcm).decode(),
            "seconds": said.seconds,
            "share": said.share if math.isfinite(said.share) else None,
        }
    )


async def ask(request: web.Request) -> web.Response:
    """POST /ask → what came of asking the language model for one word."""
    return web.json_response(asdict(await request.app[DEPENDENCIES].selftest.ask()))


async def knock(request: web.Request) -> web.Response:
    """POST /knock → what came of opening a session of the Realtime route."""
    return web.json_response(asdict(await request.app[DEPENDENCIES].selftest.knock()))


async def enter(request: web.Request) -> web.Response:
    """POST /visitor → {token}: a client that may talk, until DELETE /visitor."""
    deps = request.app[DEPENDENCIES]
    await _sweep(deps)
    now, token = time.time(), new_token()
    client = Client(VISITOR + uuid.uuid4().hex[:12], "self-test", Role.GUEST.value, now, now, None)
    await deps.store.clients.add(client, token_hash(token))
    return web.json_response({"token": token, "prefix": VISITOR})


async def leave(request: web.Request) -> web.Response:
    """DELETE /visitor: its sessions end, and what was said in them is forgotten."""
    await _sweep(request.app[DEPENDENCIES])
    return web.Response(status=204)


async def _sweep(deps: ApiDependencies) -> None:
    sessions = deps.loaded_sessions()
    for client_id in await deps.store.clients.remove(VISITOR):
        if sessions:
            sessions.revoke_client(client_id)
    for conversation_id in await deps.store.conversation_ids(VISITOR):
        if sessions:
            await sessions.end_conversation(conversation_id)
        await deps.store.delete(conversation_id)
