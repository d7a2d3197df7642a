"""Conversations that were kept: listed, read, searched, exported, forgotten."""

import re
from dataclasses import asdict

from aiohttp import web

from appliance.access.tokens import Action, allows
from appliance.api.backend import BACKEND
from appliance.api.identity import Identity, require
from appliance.errors import BadRequest, Forbidden
from appliance.store.records import Conversation

PAGE = 50
LARGEST_PAGE = 200


async def listing(request: web.Request) -> web.Response:
    """GET /api/conversations?limit=&before=: newest first."""
    identity = await require(request, Action.OWN_HISTORY)
    found = await request.app[BACKEND].store.conversations(
        limit=_number(request, "limit", PAGE),
        before=request.query.get("before"),
        client_id=_whose(identity),
    )
    return web.json_response({"conversations": [asdict(summary) for summary in found]})


async def search(request: web.Request) -> web.Response:
    """GET /api/conversations/search?q=: events whose words match."""
    identity = await require(request, Action.OWN_HISTORY)
    found = await request.app[BACKEND].store.search(
        request.query.get("q", ""),
        limit=_number(request, "limit", PAGE),
        client_id=_whose(identity),
    )
    return web.json_response({"found": [asdict(hit) for hit in found]})


async def one(request: web.Request) -> web.Response:
    """GET /api/conversations/{id}: everything that was kept of it."""
    conversation = await _own(request)
    return web.json_response(asdict(conversation), dumps=_dumps)


async def export(request: web.Request) -> web.Response:
    """GET /api/conversations/{id}/export?format=json|markdown."""
    conversation = await _own(request)
    fmt = request.query.get("format", "json")
    conversation_id = conversation.summary.id
    store = request.app[BACKEND].store
    if fmt == "json":
        text, suffix, kind = await store.export(conversation_id, "json"), "json", "application/json"
    elif fmt == "markdown":
        text, suffix, kind = await store.export(conversation_id, "markdown"), "md", "text/markdown"
    else:
        raise BadRequest(f"there is no format {fmt!r}", advice="Use json or markdown.")
    disposition = f'attachment; filename="conversation-{conversation_id}.{suffix}"'
    return web.Response(text=text, content_type=kind, headers={"Content-Disposition": disposition})


async def delete(request: web.Request) -> web.Response:
    """DELETE /api/conversations/{id}: forgotten for good; its open sessions are ended first."""
    conversation = await _own(request)
    backend = request.app[BACKEND]
    if desk := backend.open_desk():
        await desk.end_conversation(conversation.summary.id)
    await backend.store.delete(conversation.summary.id)
    return web.Response(status=204)


async def _own(request: web.Request) -> Conversation:
    identity = await require(request, Action.OWN_HISTORY)
    kept = await request.app[BACKEND].store.conversation(request.match_info["id"])
    owner = _whose(identity)
    if owner is not None and kept.summary.client_id != owner:
        raise Forbidden("this conversation belongs to another client")
    return kept


def _whose(identity: Identity) -> str | None:
    """Whose conversations a client may see: None means everybody's."""
    return None if allows(identity.role, Action.ALL_HISTORY) else identity.client_id


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= LARGEST_PAGE:
        return int(text)
    raise BadRequest(f"{name} must be a number from 1 to {LARGEST_PAGE}, not {text[:20]!r}")


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, default=dict)
