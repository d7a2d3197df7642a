"""Serves the control socket, through which the command line and the self-test use the daemon.

It is a Unix socket that only the daemon's user and root can open; that is the authentication.
"""

import time

from aiohttp import web
from pydantic import Field

from appliance.access.audit import COMMAND_LINE, AuditAction
from appliance.access.tokens import Role, role_for_pairing
from appliance.api import clients, conversations, health, selftest
from appliance.api.audit import note
from appliance.api.auth import IDENTITY, Identity
from appliance.api.dependencies import DEPENDENCIES, ApiDependencies
from appliance.api.middleware import Handler, errors
from appliance.api.schemas import JsonBody, read_body
from appliance.conversation import SELFTEST_PREFIX

MAX_BODY_BYTES = 1024 * 1024  # a recording for the self-test


class NewCode(JsonBody):
    """POST /pair; without a role the first client becomes administrator, later ones users."""

    role: Role | None = Field(default=None, strict=False)
    minutes: float = Field(default=5.0, gt=0, le=24 * 60)


async def new_code(request: web.Request) -> web.Response:
    """POST /pair {role?, minutes?} → {code, role, expires_in}."""
    body = await read_body(request, NewCode)
    deps = request.app[DEPENDENCIES]
    # Clients of a self-test do not count: nobody was paired by them.
    known = [c for c in await deps.store.clients.all() if not c.id.startswith(SELFTEST_PREFIX)]
    role = role_for_pairing(body.role, anybody=bool(known))
    seconds = body.minutes * 60
    code = deps.pairing.new_code(role, seconds, time.monotonic())
    note(request, AuditAction.CODE, detail=f"{role.value}, {body.minutes:g} minutes")
    return web.json_response({"code": code.digits, "role": role.value, "expires_in": seconds})


async def models_changed(request: web.Request) -> web.Response:
    """POST /models → {stt, tts}: the engines that the daemon loads, given the models on disk."""
    return web.json_response(await request.app[DEPENDENCIES].models_changed(), status=202)


@web.middleware
async def as_owner(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handles every request as the owner of the machine: nobody else can open the socket."""
    request[IDENTITY] = Identity(COMMAND_LINE, COMMAND_LINE, Role.ADMIN)
    return await handler(request)


def control_app(deps: ApiDependencies) -> web.Application:
    """Returns the application of the control socket."""
    app = web.Application(middlewares=[errors, as_owner], client_max_size=MAX_BODY_BYTES)
    app[DEPENDENCIES] = deps
    app.router.add_post("/pair", new_code)
    app.router.add_get("/clients", clients.clients)
    app.router.add_patch("/clients/{id}", clients.change)
    app.router.add_delete("/clients/{id}", clients.revoke)
    app.router.add_get("/audit", clients.audit)
    app.router.add_get("/status", health.status)
    app.router.add_post("/models", models_changed)
    app.router.add_post("/hear", selftest.hear)
    app.router.add_post("/say", selftest.say)
    app.router.add_post("/ask", selftest.probe_llm)
    app.router.add_post("/knock", selftest.probe_realtime)
    app.router.add_post("/visitor", selftest.enter_visitor)
    app.router.add_delete("/visitor", selftest.remove_visitors)
    app.router.add_get("/conversations/{id}", conversations.read)
    app.router.add_delete("/conversations/{id}", conversations.delete_now)
    return app
