"""Serves stored conversations: list, search, read, export, delete."""

from dataclasses import asdict

from aiohttp import web

from appliance.access.audit import AuditAction
from appliance.api.audit import note
from appliance.api.auth import owner_filter
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import number
from appliance.errors import BadRequest, Forbidden
from appliance.store.records import Conversation

PAGE = 50
LARGEST_PAGE = 200

OWN_ADVICE = "Open one of your own, or ask an administrator of the appliance."


async def listing(request: web.Request) -> web.Response:
    """GET /api/conversations?limit=&before=: the latest used first."""
    found = await request.app[DEPENDENCIES].store.conversations(
        limit=number(request, "limit", PAGE, LARGEST_PAGE),
        before=request.query.get("before"),
        client_id=owner_filter(request),
    )
    return web.json_response({"conversations": [asdict(summary) for summary in found]})


async def search(request: web.Request) -> web.Response:
    """GET /api/conversations/search?q=&limit=: transcripts and answers that match."""
    found = await request.app[DEPENDENCIES].store.search(
        request.query.get("q", ""),
        limit=number(request, "limit", PAGE, LARGEST_PAGE),
        client_id=owner_filter(request),
    )
    return web.json_response({"found": [asdict(hit) for hit in found]})


async def read(request: web.Request) -> web.Response:
    """GET /api/conversations/{id}: all that is kept of it."""
    conversation = await visible_conversation(request)
    return web.json_response(asdict(conversation), dumps=_to_json)


async def export(request: web.Request) -> web.Response:
    """GET /api/conversations/{id}/export?format=json|markdown."""
    conversation = await visible_conversation(request)
    fmt = request.query.get("format", "json")
    conversation_id = conversation.summary.id
    store = request.app[DEPENDENCIES].store
    if fmt == "json":
        text, suffix, kind = await store.export(conversation_id, "json"), "json", "application/json"
    elif fmt == "markdown":
        text, suffix, kind = await store.export(conversation_id, "markdown"), "md", "text/markdown"
    else:
        raise BadRequest(f"there is no format {fmt!r}", advice="Use json or markdown.")
    note(request, AuditAction.EXPORTED, detail=f"{conversation_id} as {fmt}")
    disposition = f'attachment; filename="conversation-{conversation_id}.{suffix}"'
    return web.Response(text=text, content_type=kind, headers={"Content-Disposition": disposition})


async def delete(request: web.Request) -> web.Response:
    """DELETE /api/conversations/{id}: deletes it for good, after ending its sessions and tasks."""
    conversation = await visible_conversation(request)
    deps = request.app[DEPENDENCIES]
    if sessions := deps.loaded_sessions():
        await sessions.end_conversation(conversation.summary.id)
    await deps.agents.forget(conversation.summary.id)
    await deps.store.delete(conversation.summary.id)
    note(request, AuditAction.DELETED, detail=conversation.summary.id)
    return web.Response(status=204)


async def visible_conversation(request: web.Request) -> Conversation:
    """Returns the conversation of the path. Raises Forbidden where it is another client's."""
    found = await request.app[DEPENDENCIES].store.conversation(request.match_info["id"])
    owner = owner_filter(request)
    if owner is not None and found.summary.client_id != owner:
        raise Forbidden("this conversation belongs to another client", advice=OWN_ADVICE)
    return found


def _to_json(value: object) -> str:
    import json

    return json.dumps(value, default=dict)
