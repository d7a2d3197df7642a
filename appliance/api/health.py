"""Serves health, readiness, status, configuration and metrics."""

from typing import Any

from aiohttp import web

from appliance.api.auth import identify
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import is_local_peer
from appliance.errors import NotFound


async def health(request: web.Request) -> web.Response:
    """GET /health: 200 while the event loop runs; details for paired clients and this machine."""
    state = request.app[DEPENDENCIES].health()
    if not await _may_see_details(request):
        state = {"status": state["status"]}
    return web.json_response(state)


async def ping(request: web.Request) -> web.Response:
    """GET /api/ping: 204 for everybody, to test https and the way to the daemon."""
    return web.Response(status=204)


async def ready(request: web.Request) -> web.Response:
    """GET /ready: 200 once every engine of the plan has answered a warm-up, 503 before."""
    deps = request.app[DEPENDENCIES]
    is_ready = deps.ready()
    state: dict[str, Any] = {"ready": is_ready}
    if await _may_see_details(request):
        state["engines"] = deps.health()["engines"]
    return web.json_response(state, status=200 if is_ready else 503)


async def configuration(request: web.Request) -> web.Response:
    """GET /config: the configuration in force, secrets masked."""
    return web.json_response(request.app[DEPENDENCIES].configuration())


async def status(request: web.Request) -> web.Response:
    """GET /api/status: engines, plan, gauges, store."""
    return web.json_response(await request.app[DEPENDENCIES].status())


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text, for this machine only; not through nginx."""
    if "X-Forwarded-For" in request.headers or not is_local_peer(request):
        raise NotFound("there is nothing at /metrics")
    return web.Response(
        body=request.app[DEPENDENCIES].metrics(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


async def _may_see_details(request: web.Request) -> bool:
    direct = "X-Forwarded-For" not in request.headers and is_local_peer(request)
    return direct or await identify(request) is not None
