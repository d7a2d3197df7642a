"""Serves sessions: created over HTTP, held over a WebSocket."""

import logging
import time
import uuid
from contextlib import suppress
from typing import Any

from aiohttp import web

from appliance.access.tokens import Role
from appliance.api.auth import identify, sender
from appliance.api.dependencies import DEPENDENCIES, SessionView
from appliance.api.middleware import is_encrypted
from appliance.api.schemas import NewSession, SessionChange, StartRequest, read_body
from appliance.api.websocket import AiohttpSocket
from appliance.conversation import SELFTEST_PREFIX
from appliance.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    NotPaired,
    SessionUnknown,
    StoreError,
    TooManyRequests,
)

log = logging.getLogger(__name__)


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
    wanted = body.conversation_id
    conversation_id, is_new = await _conversation(request, identity.client_id, wanted)
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
    return session, deps.tickets.issue(session.session_id, time.monotonic())


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


async def _conversation(
    request: web.Request, client_id: str, wanted: str | None
) -> tuple[str, bool]:
    """The conversation to go on with, else a new one: also while none can be looked up.

    And whether it is new.
    """
    reserved = request.app[DEPENDENCIES].paired_only and not client_id.startswith(SELFTEST_PREFIX)
    if wanted and reserved and wanted.startswith(SELFTEST_PREFIX):
        raise BadRequest(f"ids that begin with {SELFTEST_PREFIX} belong to the self-test")
    try:
        if wanted:
            return wanted, await _is_new(request, client_id, wanted)
    except StoreError as error:
        log.error("a conversation cannot be resumed, a new one begins: %s", error.message)
    return uuid.uuid4().hex, True


async def _is_new(request: web.Request, client_id: str, conversation_id: str) -> bool:
    """Whether nothing was said in a conversation yet.

    Raises Forbidden where another client's would be resumed; new ids are free.
    """
    deps = request.app[DEPENDENCIES]
    # A conversation that has just begun may not be in the database yet.
    live = deps.sessions().list()
    owners: set[str | None] = {
        one.client_id for one in live if one.conversation_id == conversation_id
    }
    with suppress(NotFound):
        owners.add(await deps.store.keeping.owner(conversation_id))
    if deps.paired_only and owners - {None, client_id}:
        raise Forbidden(
            "this conversation belongs to another client", advice="Begin a new conversation."
        )
    return not owners


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
    """GET /ws/{session_id}?token=…: the conversation itself; the token works once."""
    deps = request.app[DEPENDENCIES]
    session_id = request.match_info["id"]
    socket = AiohttpSocket(deps.count_refusal)
    socket.check(request)
    sessions = deps.sessions()
    await _check_client(request, session_id)
    deps.tickets.redeem(session_id, request.query.get("token", ""), time.monotonic())
    sessions.get(session_id)
    response = await socket.prepare(request)
    try:
        await sessions.attach(session_id, socket)
    finally:
        socket.release()
    return response


async def _check_client(request: web.Request, session_id: str) -> None:
    """Raises NotPaired where a client shows its own token with the ticket of another.

    A program with nothing but the ticket is the client that was given it.
    """
    identity = await identify(request)
    sessions = request.app[DEPENDENCIES].sessions().list()
    owners = {one.client_id for one in sessions if one.session_id == session_id}
    if identity is not None and owners - {identity.client_id}:
        raise NotPaired(
            "the token of the session was made for another client",
            advice="Create a session of your own with POST /api/sessions.",
        )


def _as_json(session: SessionView) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "conversation_id": session.conversation_id,
        "client_id": session.client_id,
        "created_at": session.created_at,
        "speaking": session.speaking,
        "route": session.route,
    }
