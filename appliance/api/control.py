"""What only somebody on the machine itself may ask: the command line's way in.

It is served on a Unix socket that only the daemon's user and root can open, which is what
stands for authentication here.
"""

import time

from aiohttp import web
from pydantic import Field

from appliance.access.tokens import Role, role_for_pairing
from appliance.api import pairing
from appliance.api.backend import BACKEND, Backend
from appliance.api.bodies import JsonBody, read
from appliance.api.middleware import errors


class NewCode(JsonBody):
    """POST /pair; without a role the first client becomes administrator, later ones users."""

    role: Role | None = Field(default=None, strict=False)
    minutes: float = Field(default=5.0, gt=0, le=24 * 60)


async def new_code(request: web.Request) -> web.Response:
    """POST /pair {role?, minutes?} → {code, role, expires_in}."""
    body = await read(request, NewCode)
    backend = request.app[BACKEND]
    known = await backend.store.clients.all()
    admin_exists = any(c.role == Role.ADMIN and c.revoked_at is None for c in known)
    role = role_for_pairing(body.role, admin_exists)
    seconds = body.minutes * 60
    code = backend.pairing.new_code(role, seconds, time.monotonic())
    return web.json_response({"code": code, "role": role.value, "expires_in": seconds})


async def everybody(request: web.Request) -> web.Response:
    """GET /clients."""
    return await pairing.list_clients(request)


async def revoke(request: web.Request) -> web.Response:
    """DELETE /clients/{id}."""
    return await pairing.end_access(request, "the command line")


def control_app(backend: Backend) -> web.Application:
    app = web.Application(middlewares=[errors])
    app[BACKEND] = backend
    app.router.add_post("/pair", new_code)
    app.router.add_get("/clients", everybody)
    app.router.add_delete("/clients/{id}", revoke)
    return app
