"""Tasks of the agents: listed, read in full, cancelled."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from appliance.api.auth import whose
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import number
from appliance.conversation import Task
from appliance.errors import Forbidden, NotFound

PAGE = 50
LARGEST_PAGE = 200


async def listing(request: web.Request) -> web.Response:
    """GET /api/tasks?limit=: newest first, one's own, or everybody's as administrator."""
    found = await request.app[DEPENDENCIES].store.tasks.listed(
        limit=number(request, "limit", PAGE, LARGEST_PAGE), client_id=whose(request)
    )
    return web.json_response({"tasks": [_shown(task) for task in found]})


async def one(request: web.Request) -> web.Response:
    """GET /api/tasks/{id}: with its full result."""
    return web.json_response(_shown(await _own(request)))


async def cancel(request: web.Request) -> web.Response:
    """DELETE /api/tasks/{id}: ends what runs for it; 404 where it has ended by itself."""
    task = await _own(request)
    if await request.app[DEPENDENCIES].agents.cancel(task.id) is None:
        raise NotFound("this task has ended already", advice="Its result can be read.")
    return web.Response(status=204)


async def _own(request: web.Request) -> Task:
    task = await request.app[DEPENDENCIES].store.tasks.get(request.match_info["id"])
    if whose(request) not in (None, task.client_id):
        raise Forbidden("this task belongs to another client")
    return task


def _shown(task: Task) -> dict[str, Any]:
    shown = asdict(task)
    del shown["agent_session"], shown["announced"], shown["session_id"]
    return shown
