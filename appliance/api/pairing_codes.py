"""Serves pairing codes to the page of an administrator: make, list and revoke."""

import time
from dataclasses import asdict
from typing import Annotated

from aiohttp import web
from pydantic import Field

from appliance.access.audit import AuditAction
from appliance.access.tokens import Role
from appliance.api.audit import note
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import origin_of_page
from appliance.api.schemas import JsonBody, read_body
from appliance.errors import NotFound

LONGEST_MINUTES = 24 * 60


class CodeWish(JsonBody):
    """POST /api/pairing-codes; without `minutes`, access.pairing_minutes."""

    role: Annotated[Role, Field(strict=False)] = Role.USER
    minutes: Annotated[float, Field(gt=0, le=LONGEST_MINUTES)] | None = None


async def create(request: web.Request) -> web.Response:
    """POST /api/pairing-codes {role?, minutes?} → 201 {id, code, role, expires_in, link, qr, …}."""
    deps = request.app[DEPENDENCIES]
    body = await read_body(request, CodeWish)
    minutes = body.minutes or deps.pairing_minutes
    code = deps.pairing.new_code(body.role, minutes * 60, time.monotonic())
    note(request, AuditAction.CODE, detail=f"{code.role.value}, {minutes:g} minutes")
    invitation = await deps.invite(code.digits, origin_of_page(request))
    answer = {
        "id": code.id,
        "code": code.digits,
        "role": code.role.value,
        "expires_in": code.expires_in,
        **invitation,
    }
    # No cache on the way may keep a code that lets somebody in.
    return web.json_response(answer, status=201, headers={"Cache-Control": "no-store"})


async def listing(request: web.Request) -> web.Response:
    """GET /api/pairing-codes: the open codes, oldest first, without their digits."""
    codes = request.app[DEPENDENCIES].pairing.open_codes(time.monotonic())
    return web.json_response({"codes": [asdict(code) for code in codes]})


async def revoke(request: web.Request) -> web.Response:
    """DELETE /api/pairing-codes/{id}: the code pairs nobody any more."""
    deps = request.app[DEPENDENCIES]
    if not deps.pairing.revoke(request.match_info["id"], time.monotonic()):
        raise NotFound(
            "there is no such open code", advice="It has been used, has expired, or was revoked."
        )
    note(request, AuditAction.CODE_REVOKED)
    return web.Response(status=204)
