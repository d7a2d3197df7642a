"""Serves pairing (a code shown on the device becomes a client's token), clients and audit trail."""

import time
import uuid
from dataclasses import asdict

from aiohttp import web

from appliance.access.audit import AuditAction
from appliance.access.tokens import new_token, token_hash
from appliance.api.audit import note, note_refusal
from appliance.api.auth import keep_token, sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import address
from appliance.api.schemas import LARGEST_ID, ClientChange, Pair, number, one_of, read_body
from appliance.errors import AccessError, NotFound, PairingRefused
from appliance.store.records import Client

AUDIT_PAGE = 100
LARGEST_AUDIT_PAGE = 1000

NO_CLIENT_ADVICE = "`appliance clients list` shows the clients; it may have been revoked already."


async def pair(request: web.Request) -> web.Response:
    """POST /api/pair {code, name?} → 200 {client, token} and the cookie; a code works once."""
    deps = request.app[DEPENDENCIES]
    body = await read_body(request, Pair)
    open_before = deps.pairing.open_codes(time.monotonic())
    try:
        role = deps.pairing.redeem(body.code, address(request), time.monotonic())
    except AccessError as error:
        wrong = isinstance(error, PairingRefused)
        note_refusal(
            request,
            AuditAction.PAIRED if wrong else AuditAction.LOCKED_OUT,
            error.code,
            error.message,
        )
        if len(deps.pairing.open_codes(time.monotonic())) < len(open_before):
            note_refusal(request, AuditAction.CODE_BURNED, error.code, "too many wrong tries")
        raise
    now = time.time()
    client = Client(uuid.uuid4().hex[:12], body.name or "unnamed", role.value, now, now, None)
    secret = new_token()
    await deps.store.clients.add(client, token_hash(secret))
    note(request, AuditAction.PAIRED, client_id=client.id, detail=f"{client.name} as {client.role}")
    public = {"id": client.id, "name": client.name, "role": client.role}
    response = web.json_response({"client": public, "token": secret})
    keep_token(response, secret)
    return response


async def authorise(request: web.Request) -> web.Response:
    """GET /internal/auth: 204 for a paired client. nginx asks this before it serves a request."""
    sender(request)
    return web.Response(status=204)


async def me(request: web.Request) -> web.Response:
    """GET /api/me → {client, access, warnings}: who the sender is, and what it should know."""
    identity = sender(request)
    deps = request.app[DEPENDENCIES]
    client = {"id": identity.client_id, "name": identity.name, "role": identity.role.value}
    access = "paired" if deps.paired_only else "open"
    return web.json_response({"client": client, "access": access, "warnings": list(deps.warnings)})


async def clients(request: web.Request) -> web.Response:
    """GET /api/clients: all clients that were ever paired, revoked ones too."""
    paired = await request.app[DEPENDENCIES].store.clients.all()
    return web.json_response({"clients": [asdict(client) for client in paired]})


async def change(request: web.Request) -> web.Response:
    """PATCH /api/clients/{id} {role?, name?}: gives the client another role, another name."""
    deps = request.app[DEPENDENCIES]
    client_id = request.match_info["id"]
    body = await read_body(request, ClientChange)
    changes = {"role": body.role.value if body.role else None, "name": body.name}
    if not await deps.store.clients.change(client_id, **changes):
        raise NotFound("there is no such client", advice=NO_CLIENT_ADVICE)
    if body.role:
        note(request, AuditAction.ROLE, client_id=client_id, detail=f"to {body.role.value}")
        deps.hub.drop_client(client_id)  # its pages come back with the rights that it has now
    if body.name:
        note(request, AuditAction.RENAMED, client_id=client_id, detail=f"to {body.name}")
    return web.Response(status=204)


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/clients/{id}: its token stops working and its sessions end."""
    deps = request.app[DEPENDENCIES]
    client_id = request.match_info["id"]
    if not await deps.store.clients.revoke(client_id, time.time()):
        raise NotFound("there is no such client", advice=NO_CLIENT_ADVICE)
    note(request, AuditAction.REVOKED, client_id=client_id)
    deps.hub.drop_client(client_id)
    if sessions := deps.loaded_sessions():
        sessions.revoke_client(client_id)
    return web.Response(status=204)


async def audit(request: web.Request) -> web.Response:
    """GET /api/audit?limit=&before=&what=&client=: the audit trail, newest first."""
    entries = await request.app[DEPENDENCIES].store.clients.audit_trail(
        number(request, "limit", AUDIT_PAGE, LARGEST_AUDIT_PAGE),
        before=number(request, "before", LARGEST_ID, LARGEST_ID),
        what=one_of(request, "what", tuple(AuditAction)),
        client_id=request.query.get("client") or None,
    )
    return web.json_response({"audit": [asdict(entry) for entry in entries]})
