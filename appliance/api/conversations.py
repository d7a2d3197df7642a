"""Serves stored conversations: list, search, read, rename, export, delete, restore."""

from dataclasses import asdict

from aiohttp import web

from appliance.access.audit import AuditAction
from appliance.api.audit import note, note_reading
from appliance.api.auth import owner_filter
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import ConversationChange, number, read_body
from appliance.api.streaming import listed, streamed
from appliance.errors import BadRequest
from appliance.event_hub import Topic
from appliance.store.export import Format
from appliance.store.queries import unknown_conversation
from appliance.store.records import ConversationSummary

PAGE = 50
LARGEST_PAGE = 200
LARGEST_TURN = 999_999  # a row of the database; a household says far less in its life


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
    for owner in {hit.client_id for hit in found}:
        note_reading(request, AuditAction.SEARCHED, owner, detail=f"those of {owner}")
    return web.json_response({"found": [asdict(hit) for hit in found]})


async def read(request: web.Request) -> web.StreamResponse:
    """GET /api/conversations/{id}: all that is kept of it."""
    conversation_id = await read_conversation(request)
    pieces = request.app[DEPENDENCIES].store.export(conversation_id)
    return await streamed(request, pieces, "application/json")


async def turns(request: web.Request) -> web.StreamResponse:
    """GET /api/conversations/{id}/turns?limit=&before=: its last turns, or those before a page."""
    before = request.query.get("before")
    page = await request.app[DEPENDENCIES].store.keeping.turns(
        await read_conversation(request),
        limit=number(request, "limit", PAGE, LARGEST_PAGE),
        before=None if before is None else number(request, "before", 1, LARGEST_TURN),
    )
    rest = {"summary": asdict(page.summary), "before": page.before}
    pieces = listed("turns", map(asdict, page.turns), rest)
    return await streamed(request, pieces, "application/json")


async def rename(request: web.Request) -> web.Response:
    """PATCH /api/conversations/{id} {title}: gives it another title."""
    body = await read_body(request, ConversationChange)
    conversation_id = await visible_conversation(request)
    deps = request.app[DEPENDENCIES]
    await deps.store.keeping.rename(conversation_id, body.title)
    owner = await deps.store.keeping.owner(conversation_id)
    data = {"id": conversation_id, "change": "changed"}
    deps.hub.publish(Topic.CONVERSATIONS, data, owner=owner or "")
    return web.Response(status=204)


async def export(request: web.Request) -> web.StreamResponse:
    """GET /api/conversations/{id}/export?format=json|markdown."""
    conversation_id = await visible_conversation(request)
    fmt: Format
    match request.query.get("format", "json"):
        case "json":
            fmt, suffix, kind = "json", "json", "application/json"
        case "markdown":
            fmt, suffix, kind = "markdown", "md", "text/markdown"
        case other:
            raise BadRequest(f"there is no format {other!r}", advice="Use json or markdown.")
    pieces = request.app[DEPENDENCIES].store.export(conversation_id, fmt)
    note(request, AuditAction.EXPORTED, detail=f"{conversation_id} as {fmt}")
    disposition = f'attachment; filename="conversation-{conversation_id}.{suffix}"'
    return await streamed(request, pieces, kind, {"Content-Disposition": disposition})


async def delete(request: web.Request) -> web.Response:
    """DELETE /api/conversations/{id}: ends its sessions and deletes it; ten seconds to undo it."""
    conversation_id = await visible_conversation(request)
    await request.app[DEPENDENCIES].deletion.delete(conversation_id)
    note(request, AuditAction.DELETED, detail=conversation_id)
    return web.Response(status=204)


async def delete_now(request: web.Request) -> web.Response:
    """DELETE /conversations/{id} of the control socket: deletes it for good at once."""
    conversation_id = await visible_conversation(request)
    await request.app[DEPENDENCIES].deletion.delete_now(conversation_id)
    note(request, AuditAction.DELETED, detail=conversation_id)
    return web.Response(status=204)


async def restore(request: web.Request) -> web.Response:
    """POST /api/conversations/{id}/restore: undoes its deletion; 404 once it is gone for good."""
    conversation_id = await _own_conversation(request)
    await request.app[DEPENDENCIES].deletion.restore(conversation_id)
    note(request, AuditAction.RESTORED, detail=conversation_id)
    return web.Response(status=204)


async def visible_conversation(request: web.Request) -> str:
    """Returns the id of a conversation that is there, and not deleted, for the sender to use."""
    return (await _visible(request)).id


async def read_conversation(request: web.Request) -> str:
    """Returns the id of such a conversation, and notes where it is not the sender's own."""
    summary = await _visible(request)
    note_reading(request, AuditAction.READ, summary.client_id, detail=summary.id)
    return summary.id


async def _visible(request: web.Request) -> ConversationSummary:
    conversation_id = await _own_conversation(request)
    return await request.app[DEPENDENCIES].store.keeping.summary(conversation_id)


async def _own_conversation(request: web.Request) -> str:
    """Returns the id of a conversation; another client's is answered like one that there is not."""
    conversation_id = request.match_info["id"]
    owner = await request.app[DEPENDENCIES].store.keeping.owner(conversation_id)
    if owner_filter(request) not in (None, owner):
        raise unknown_conversation(conversation_id)
    return conversation_id
