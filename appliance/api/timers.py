"""Serves timers: list, set, rename, pause, resume, end.

Everybody sees all of them, as they ring aloud; guests change only their own. An alarm that rings
may be silenced by whoever hears it.
"""

from aiohttp import web

from appliance.access.tokens import Role
from appliance.api.auth import sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import NewTimer, TimerChange, read_body
from appliance.errors import Forbidden


async def listing(request: web.Request) -> web.Response:
    """GET /api/timers: those that ring or were missed, then the next one first."""
    timers = request.app[DEPENDENCIES].timers.listed()
    return web.json_response({"timers": [timer.to_json() for timer in timers]})


async def create(request: web.Request) -> web.Response:
    """POST /api/timers {seconds, name?} → 201 and the timer."""
    body = await read_body(request, NewTimer)
    timers = request.app[DEPENDENCIES].timers
    timer = timers.start(body.seconds, body.name, sender(request).client_id)
    return web.json_response(timer.to_json(), status=201)


async def change(request: web.Request) -> web.Response:
    """PATCH /api/timers/{id} {name?, paused?}: renames, pauses or resumes it."""
    body = await read_body(request, TimerChange)
    timer_id = _own_timer(request)
    request.app[DEPENDENCIES].timers.change(timer_id, body.name, body.paused)
    return web.Response(status=204)


async def end(request: web.Request) -> web.Response:
    """DELETE /api/timers/{id}: cancels it, silences it where it rings, or dismisses it."""
    timers = request.app[DEPENDENCIES].timers
    timer_id = request.match_info["id"]
    if not timers.is_sounding(timer_id):
        _own_timer(request)
    timers.end(timer_id)
    return web.Response(status=204)


def _own_timer(request: web.Request) -> str:
    """Returns the id of the timer; raises Forbidden where it is not for this guest to change."""
    timer_id = request.match_info["id"]
    owner = request.app[DEPENDENCIES].timers.owner(timer_id)
    identity = sender(request)
    if identity.role is Role.GUEST and owner not in ("", identity.client_id):
        raise Forbidden(
            "this timer belongs to another client",
            advice="Ask whoever set it, or silence it when it rings.",
        )
    return timer_id
