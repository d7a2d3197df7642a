"""How the appliance is doing: for people, for pages, for Prometheus."""

from typing import Any

from aiohttp import web

from appliance.api.auth import identify
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import is_local_peer
from appliance.errors import NotFound


async def health(request: web.Request) -> web.Response:
    """GET /health: 200 while the loop turns. Strangers from outside learn no more than that."""
    state = request.app[DEPENDENCIES].health()
    if not await _trusted(request):
        state = {"status": state["status"]}
    return web.json_response(state)


async def ping(request: web.Request) -> web.Response:
    """GET /api/ping: 204 to everybody; who gets it has https that works, and a daemon."""
    return web.Response(status=204)


async def ready(request: web.Request) -> web.Response:
    """GET /ready: 200 once every engine of the plan has answered a warm-up, 503 before."""
    deps = request.app[DEPENDENCIES]
    is_ready = deps.ready()
    state: dict[str, Any] = {"ready": is_ready}
    if await _trusted(request):
        state["engines"] = deps.health()["engines"]
    return web.json_response(state, status=200 if is_ready else 503)


async def configuration(request: web.Request) -> web.Response:
    """GET /config: what is in force, secrets masked."""
    return web.json_response(request.app[DEPENDENCIES].configuration())


async def status(request: web.Request) -> web.Response:
    """GET /api/status: plan, gauges, engines."""
    return web.json_response(await request.app[DEPENDENCIES].status())


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, from this machine only: nginx says nothing is there."""
    if "X-Forwarded-For" in request.headers or not is_local_peer(request):
        raise NotFound("there is nothing at /metrics")
    return web.Response(
        body=request.app[DEPENDENCIES].metrics(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


async def _trusted(request: web.Request) -> bool:
    direct = "X-Forwarded-For" not in request.headers and is_local_peer(request)
    return direct or await identify(request) is not None
