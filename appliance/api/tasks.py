"""Serves the tasks of agents: list, read, cancel, continue."""

from dataclasses import asdict
from typing import Any

from aiohttp import web

from appliance.api.auth import owner_filter, sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import TaskContinuation, number, read_body
from appliance.api.streaming import listed, streamed
from appliance.conversation import Task
from appliance.errors import NotFound
from appliance.store.tasks import unknown_task

PAGE = 50
LARGEST_PAGE = 200


async def listing(request: web.Request) -> web.StreamResponse:
    """GET /api/tasks?limit=: newest first; the sender's own, or all for an administrator."""
    found = await request.app[DEPENDENCIES].store.tasks.listed(
        limit=number(request, "limit", PAGE, LARGEST_PAGE), client_id=owner_filter(request)
    )
    # The results of many tasks are megabytes.
    return await streamed(request, listed("tasks", map(_as_json, found)), "application/json")


async def read(request: web.Request) -> web.Response:
    """GET /api/tasks/{id}: one task with its full result."""
    return web.json_response(_as_json(await _visible_task(request)))


async def cancel(request: web.Request) -> web.Response:
    """DELETE /api/tasks/{id}: stops it; 404 where it has ended already."""
    task = await _visible_task(request)
    if await request.app[DEPENDENCIES].agents.cancel(task.id) is None:
        raise NotFound("this task has ended already", advice="Open it to read its result.")
    return web.Response(status=204)


async def resume(request: web.Request) -> web.Response:
    """POST /api/tasks/{id}/continue {text?} → 201 and a new task: the agent's work goes on."""
    body = await read_body(request, TaskContinuation)
    task = await _visible_task(request)
    agents = request.app[DEPENDENCIES].agents
    following = await agents.follow_up(task, body.text.strip(), sender(request).client_id)
    return web.json_response(_as_json(following), status=201)


async def _visible_task(request: web.Request) -> Task:
    """Returns a task; another client's is answered like one that there is not."""
    task = await request.app[DEPENDENCIES].store.tasks.get(request.match_info["id"])
    if owner_filter(request) not in (None, task.client_id):
        raise unknown_task()
    return task


def _as_json(task: Task) -> dict[str, Any]:
    public = asdict(task)
    del public["agent_session"], public["announced"], public["session_id"]
    return public
