"""What only somebody on the machine itself may ask: the command line's way in.

It is served on a Unix socket that only the daemon's user and root can open, which is what
stands for authentication here.
"""

import time

from aiohttp import web
from pydantic import Field

from appliance.access.audit import COMMAND_LINE, AuditAction
from appliance.access.tokens import Role, role_for_pairing
from appliance.api import clients, conversations, health, selftest
from appliance.api.audit import note
from appliance.api.auth import IDENTITY, Handler, Identity
from appliance.api.dependencies import DEPENDENCIES, ApiDependencies
from appliance.api.middleware import errors
from appliance.api.schemas import JsonBody, read
from appliance.conversation import VISITOR

MAX_BODY_BYTES = 1024 * 1024  # a recording for the self-test


class NewCode(JsonBody):
    """POST /pair; without a role the first client becomes administrator, later ones users."""

    role: Role | None = Field(default=None, strict=False)
    minutes: float = Field(default=5.0, gt=0, le=24 * 60)


async def new_code(request: web.Request) -> web.Response:
    """POST /pair {role?, minutes?} → {code, role, expires_in}."""
    body = await read(request, NewCode)
    deps = request.app[DEPENDENCIES]
    # Whoever is there was let in by the owner, who is one of them or chose otherwise.
    known = [c for c in await deps.store.clients.all() if not c.id.startswith(VISITOR)]
    role = role_for_pairing(body.role, anybody=bool(known))
    seconds = body.minutes * 60
    code = deps.pairing.new_code(role, seconds, time.monotonic())
    note(request, AuditAction.CODE, detail=f"for a {role.value}, {body.minutes:g} minutes")
    return web.json_response({"code": code, "role": role.value, "expires_in": seconds})


@web.middleware
async def owner(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whoever can open the socket is the owner of the machine."""
    request[IDENTITY] = Identity(COMMAND_LINE, COMMAND_LINE, Role.ADMIN)
    return await handler(request)


def control_app(deps: ApiDependencies) -> web.Application:
    app = web.Application(middlewares=[errors, owner], client_max_size=MAX_BODY_BYTES)
    app[DEPENDENCIES] = deps
    app.router.add_post("/pair", new_code)
    app.router.add_get("/clients", clients.clients)
    app.router.add_patch("/clients/{id}", clients.change_role)
    app.router.add_delete("/clients/{id}", clients.revoke)
    app.router.add_get("/audit", clients.audit)
    app.router.add_get("/status", health.status)
    app.router.add_post("/hear", selftest.hear)
    app.router.add_post("/say", selftest.say)
    app.router.add_post("/ask", selftest.ask)
    app.router.add_post("/knock", selftest.knock)
    app.router.add_post("/visitor", selftest.enter)
    app.router.add_delete("/visitor", selftest.leave)
    app.router.add_get("/conversations/{id}", conversations.one)
    app.router.add_delete("/conversations/{id}", conversations.delete)
    return app
