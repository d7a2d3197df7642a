"""Serves the models: which there are and fit, fetched, verified and removed in the background."""

from aiohttp import web

from appliance.access.audit import AuditAction
from appliance.api.audit import note
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import JsonBody, read_body
from appliance.errors import NotFound


async def listing(request: web.Request) -> web.Response:
    """GET /api/models: every model, whether it fits, what would be better, and the jobs."""
    return web.json_response(await request.app[DEPENDENCIES].admin.models.view())


async def pull(request: web.Request) -> web.Response:
    """POST /api/models/{id} → 202 and the job that fetches, or mends, the model."""
    await read_body(request, JsonBody)
    name = request.match_info["id"]
    job = request.app[DEPENDENCIES].admin.models.pull(name)
    note(request, AuditAction.MODEL_PULLED, detail=name)
    return web.json_response(job, status=202)


async def remove(request: web.Request) -> web.Response:
    """DELETE /api/models/{id} → 202 and the job; 409 where the model is in use."""
    name = request.match_info["id"]
    job = request.app[DEPENDENCIES].admin.models.remove(name)
    note(request, AuditAction.MODEL_REMOVED, detail=name)
    return web.json_response(job, status=202)


async def verify(request: web.Request) -> web.Response:
    """POST /api/models → 202 and the job that computes every hash anew."""
    await read_body(request, JsonBody)
    return web.json_response(request.app[DEPENDENCIES].admin.models.verify(), status=202)


async def cancel(request: web.Request) -> web.Response:
    """DELETE /api/models/jobs/{id}: ends a job; what has arrived is kept."""
    text = request.match_info["id"]
    if not text.isdigit() or len(text) > 9:
        raise NotFound("there is no such job")
    request.app[DEPENDENCIES].admin.models.cancel(int(text))
    return web.Response(status=204)
