"""Sessions: created over HTTP, held over a WebSocket."""

import time
import uuid
from contextlib import suppress
from typing import Any

from aiohttp import web

from appliance.access.tokens import Role
from appliance.api.auth import asker
from appliance.api.dependencies import DEPENDENCIES, SessionView
from appliance.api.schemas import NewSession, read
from appliance.api.websocket import AiohttpSocket
from appliance.errors import Forbidden, NotFound, TooManyRequests


async def create(request: web.Request) -> web.Response:
    """POST /api/sessions → 201 {session_id, conversation_id, ws_url, token, route}."""
    identity = asker(request)
    deps = request.app[DEPENDENCIES]
    wait = deps.session_rate.take(identity.client_id, time.monotonic())
    if wait:
        raise TooManyRequests("too many new sessions in a short time", retry_after=wait)
    body = await read(request, NewSession)
    conversation_id = body.conversation_id or uuid.uuid4().hex
    if body.conversation_id:
        await _check_owner(request, identity.client_id, body.conversation_id)
    session = deps.sessions().open(
        voice=body.voice,
        language=body.language,
        system_prompt=body.system_prompt,
        conversation_id=conversation_id,
        client_id=identity.client_id,
        route=body.route or "",
    )
    ticket = deps.tickets.issue(session.session_id, time.monotonic())
    answer = {
        "session_id": session.session_id,
        "conversation_id": session.conversation_id,
        "ws_url": f"/ws/{session.session_id}?token={ticket}",
        "token": ticket,
        "route": session.route,
    }
    return web.json_response(answer, status=201)


async def _check_owner(request: web.Request, client_id: str, conversation_id: str) -> None:
    """Resuming needs the conversation to be one's own; a new id may be chosen freely."""
    deps = request.app[DEPENDENCIES]
    # What has only just begun may not stand in the database yet.
    talking = deps.sessions().list()
    owners: set[str | None] = {
        one.client_id for one in talking if one.conversation_id == conversation_id
    }
    with suppress(NotFound):
        owners.add((await deps.store.conversation(conversation_id)).summary.client_id)
    if deps.paired_only and owners - {None, client_id}:
        raise Forbidden("this conversation belongs to another client")


async def listing(request: web.Request) -> web.Response:
    """GET /api/sessions → who is talking."""
    sessions = [_shown(session) for session in request.app[DEPENDENCIES].sessions().list()]
    return web.json_response({"sessions": sessions})


async def hang_up(request: web.Request) -> web.Response:
    """DELETE /api/sessions/{id}: one's own, or anybody's as administrator."""
    identity = asker(request)
    sessions = request.app[DEPENDENCIES].sessions()
    session = sessions.get(request.match_info["id"])
    if session.client_id != identity.client_id and identity.role is not Role.ADMIN:
        raise Forbidden("this session belongs to another client")
    sessions.close(session.session_id)
    return web.Response(status=204)


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /ws/{session_id}?token=…: the conversation itself. The token works once."""
    deps = request.app[DEPENDENCIES]
    session_id = request.match_info["id"]
    socket = AiohttpSocket(deps.count_refusal)
    socket.check(request)
    sessions = deps.sessions()
    deps.tickets.redeem(session_id, request.query.get("token", ""), time.monotonic())
    sessions.get(session_id)
    response = await socket.prepare(request)
    try:
        await sessions.attach(session_id, socket)
    finally:
        socket.release()
    return response


def _shown(session: SessionView) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "conversation_id": session.conversation_id,
        "client_id": session.client_id,
        "created_at": session.created_at,
        "speaking": session.speaking,
        "route": session.route,
    }
