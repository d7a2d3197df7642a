"""Serves recordings: switched in a live session, listed, played and deleted with a conversation."""

from dataclasses import asdict

from aiohttp import web

from appliance.access.audit import AuditAction
from appliance.api.audit import note
from appliance.api.auth import sender
from appliance.api.conversations import read_conversation, visible_conversation
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.sessions import own_session
from appliance.errors import Forbidden


async def start(request: web.Request) -> web.Response:
    """POST /api/sessions/{id}/recording: records the sender's own session, which is announced."""
    session = own_session(request)
    if session.client_id != sender(request).client_id:
        raise Forbidden(
            "this session belongs to another client",
            advice="A session is recorded only by the client that talks in it.",
        )
    await session.recording.switch_on()
    return web.json_response({"recording": True}, status=201)


async def stop(request: web.Request) -> web.Response:
    """DELETE /api/sessions/{id}/recording: ends it, by its client or an administrator."""
    await own_session(request).recording.switch_off()
    return web.Response(status=204)


async def listing(request: web.Request) -> web.Response:
    """GET /api/conversations/{id}/recordings: oldest first; `seconds` null while it is made."""
    conversation_id = await visible_conversation(request)
    found = await request.app[DEPENDENCIES].store.recordings.listed(conversation_id)
    return web.json_response({"recordings": [asdict(recording) for recording in found]})


async def play(request: web.Request) -> web.FileResponse:
    """GET /api/conversations/{id}/recordings/{recording}: the FLAC file, ranges included."""
    conversation_id = await read_conversation(request)
    recordings = request.app[DEPENDENCIES].store.recordings
    file = recordings.file(conversation_id, request.match_info["recording"])
    headers = {"Content-Type": "audio/flac", "Cache-Control": "private, no-store"}
    return web.FileResponse(file, headers=headers)


async def delete(request: web.Request) -> web.Response:
    """DELETE /api/conversations/{id}/recordings/{recording}: deletes it for good."""
    conversation_id = await visible_conversation(request)
    recording, store = request.match_info["recording"], request.app[DEPENDENCIES].store
    await store.recordings.delete(conversation_id, recording)
    note(request, AuditAction.RECORDING_DELETED, detail=f"{recording} of {conversation_id}")
    return web.Response(status=204)
