"""Serves sessions: created over HTTP, held over a WebSocket."""

import time
from contextlib import suppress
from typing import Any

from aiohttp import web

from appliance.access.tokens import Role
from appliance.api.auth import identify, sender
from appliance.api.dependencies import DEPENDENCIES, SessionView
from appliance.api.middleware import is_encrypted
from appliance.api.resumption import chosen_conversation
from appliance.api.schemas import NewSession, SessionChange, StartRequest, read_body
from appliance.api.websocket import AiohttpSocket
from appliance.errors import (
    SessionUnknown,
    StoreError,
    TooManyRequests,
)


async def create(request: web.Request) -> web.Response:
    """POST /api/sessions → 201 {session_id, conversation_id, ws_url, token, route, kept}."""
    session, ticket = await _open(request, await read_body(request, NewSession))
    answer = {
        "session_id": session.session_id,
        "conversation_id": session.conversation_id,
        "ws_url": f"/ws/{session.session_id}?token={ticket}",
        "token": ticket,
        "route": session.route,
        "kept": request.app[DEPENDENCIES].store.keeping.keeps(session.conversation_id),
    }
    return web.json_response(answer, status=201)


async def start(request: web.Request) -> web.Response:
    """POST /api/start → {wsUrl, token}; a Pipecat client refuses any other key."""
    options = await read_body(request, StartRequest)
    session, ticket = await _open(request, options.body or options)
    scheme = "wss" if is_encrypted(request) else "ws"
    address = f"{scheme}://{request.host}/ws/{session.session_id}"
    return web.json_response({"wsUrl": address, "token": ticket})


async def _open(request: web.Request, body: NewSession) -> tuple[SessionView, str]:
    """Opens a session for the sender; returns it with the ticket of its WebSocket."""
    identity = sender(request)
    deps = request.app[DEPENDENCIES]
    wait = deps.session_rate.take(identity.client_id, time.monotonic())
    if wait:
        raise TooManyRequests(
            "this client opened too many sessions in a short time", retry_after=wait
        )
    conversation_id, is_new = await chosen_conversation(request, body.conversation_id)
    session = deps.sessions().open(
        voice=body.voice,
        language=body.language,
        system_prompt=body.system_prompt,
        conversation_id=conversation_id,
        client_id=identity.client_id,
        role=identity.role if deps.paired_only else None,
        route=body.route or "",
    )
    await _keep_or_not(request, session, body.keep, is_new=is_new)
    return session, deps.tickets.issue(session.session_id, session.client_id, time.monotonic())


async def _keep_or_not(
    request: web.Request, session: SessionView, keep: bool | None, *, is_new: bool
) -> None:
    """Has a conversation kept as asked; by default as its owner prefers, if it is a new one."""
    store = request.app[DEPENDENCIES].store
    if keep is None and is_new:
        # While the database cannot be read, nobody is kept from talking.
        with suppress(StoreError):
            keep = await store.preferences.keeps_conversations(session.client_id)
    if keep:
        store.keeping.resume(session.conversation_id)
    elif keep is False:
        await store.keeping.stop(session.conversation_id, session.client_id)


async def change(request: web.Request) -> web.Response:
    """PATCH /api/sessions/{id} {keep}: keeps its conversation from now on, or nothing of it."""
    body = await read_body(request, SessionChange)
    session = own_session(request)
    store = request.app[DEPENDENCIES].store
    if body.keep and not store.keeping.keeps(session.conversation_id):
        store.keeping.resume(session.conversation_id)
        session.recorder.session_started()
    elif not body.keep:
        await session.recording.switch_off()
        await store.keeping.stop(session.conversation_id, session.client_id)
    return web.Response(status=204)


async def listing(request: web.Request) -> web.Response:
    """GET /api/sessions: the live sessions."""
    sessions = [_as_json(session) for session in request.app[DEPENDENCIES].sessions().list()]
    return web.json_response({"sessions": sessions})


async def hang_up(request: web.Request) -> web.Response:
    """DELETE /api/sessions/{id}: ends one of the sender's own, or any for an administrator."""
    session = own_session(request)
    request.app[DEPENDENCIES].sessions().close(session.session_id)
    return web.Response(status=204)


def own_session(request: web.Request) -> SessionView:
    """The session that a path names: one of the sender's own, or any for an administrator.

    Raises SessionUnknown: another client's session answers like one that there is not.
    """
    identity = sender(request)
    session = request.app[DEPENDENCIES].sessions().get(request.match_info["id"])
    if session.client_id != identity.client_id and identity.role is not Role.ADMIN:
        raise SessionUnknown
    return session


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /ws/{session_id}?token=…: the conversation itself; the token works once, for its client.

    A page of `access.origins` shows nothing but the token.
    """
    deps = request.app[DEPENDENCIES]
    session_id = request.match_info["id"]
    socket = AiohttpSocket(deps.count_refusal)
    socket.check(request)
    sessions = deps.sessions()
    identity = await identify(request)
    client_id = None if identity is None else identity.client_id
    deps.tickets.redeem(session_id, client_id, request.query.get("token", ""), time.monotonic())
    sessions.get(session_id)
    response = await socket.prepare(request)
    try:
        await sessions.attach(session_id, socket)
    finally:
        socket.release()
    return response


def _as_json(session: SessionView) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "conversation_id": session.conversation_id,
        "client_id": session.client_id,
        "created_at": session.created_at,
        "speaking": session.speaking,
        "route": session.route,
    }
