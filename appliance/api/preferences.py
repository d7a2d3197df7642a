"""Serves what a client prefers."""

from aiohttp import web

from appliance.api.auth import sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import PreferencesChange, read_body


async def read(request: web.Request) -> web.Response:
    """GET /api/preferences → {keep_conversations}."""
    preferences = request.app[DEPENDENCIES].store.preferences
    keep = await preferences.keeps_conversations(sender(request).client_id)
    return web.json_response({"keep_conversations": keep})


async def change(request: web.Request) -> web.Response:
    """PATCH /api/preferences {keep_conversations}: counts for conversations that begin later."""
    body = await read_body(request, PreferencesChange)
    preferences = request.app[DEPENDENCIES].store.preferences
    await preferences.set_keeps_conversations(sender(request).client_id, body.keep_conversations)
    return web.Response(status=204)
