"""Pairing: a code shown on the device becomes a client's token. And who has one."""

import time
import uuid
from dataclasses import asdict

from aiohttp import web

from appliance.access.tokens import Action, new_token, token_hash
from appliance.api.backend import BACKEND
from appliance.api.bodies import Pair, read
from appliance.api.identity import require
from appliance.api.middleware import COOKIE, address
from appliance.errors import AccessError, NotFound
from appliance.store.records import AuditEntry, Client

COOKIE_SECONDS = 180 * 24 * 3600


async def pair(request: web.Request) -> web.Response:
    """POST /api/pair {code, name?} → 200 {client, token} and the cookie; a code works once."""
    backend = request.app[BACKEND]
    body = await read(request, Pair)
    source = address(request)
    try:
        role = backend.pairing.redeem(body.code, source, time.monotonic())
    except AccessError as error:
        backend.store.clients.audit(
            AuditEntry(time.time(), "pairing refused", None, source, error.code)
        )
        raise
    now = time.time()
    client = Client(uuid.uuid4().hex[:12], body.name or "unnamed", role.value, now, now, None)
    secret = new_token()
    await backend.store.clients.add(client, token_hash(secret))
    backend.store.clients.audit(AuditEntry(now, "paired", client.id, source, body.name))
    shown = {"id": client.id, "name": client.name, "role": client.role}
    response = web.json_response({"client": shown, "token": secret})
    response.set_cookie(
        COOKIE,
        secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )
    return response


async def clients(request: web.Request) -> web.Response:
    """GET /api/clients: who may talk."""
    await require(request, Action.CLIENTS)
    return await list_clients(request)


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/clients/{id}: the token stops working and its sessions end."""
    identity = await require(request, Action.CLIENTS)
    return await end_access(request, identity.client_id)


async def list_clients(request: web.Request) -> web.Response:
    """Everybody who was ever paired; who may ask is the caller's business."""
    everybody = await request.app[BACKEND].store.clients.all()
    return web.json_response({"clients": [asdict(client) for client in everybody]})


async def end_access(request: web.Request, by: str) -> web.Response:
    """Revokes the client of the address, ends its sessions and notes who did it."""
    backend = request.app[BACKEND]
    client_id = request.match_info["id"]
    now = time.time()
    if not await backend.store.clients.revoke(client_id, now):
        raise NotFound("there is no such client")
    backend.store.clients.audit(AuditEntry(now, "revoked", client_id, address(request), f"by {by}"))
    if desk := backend.open_desk():
        desk.revoke_client(client_id)
    return web.Response(status=204)
