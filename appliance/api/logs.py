"""Serves the log of the last hour to administrators."""

import logging
from dataclasses import asdict

from aiohttp import web

from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import LARGEST_ID, number, one_of

PAGE = 500
LARGEST_PAGE = 4000

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


async def logs(request: web.Request) -> web.Response:
    """GET /api/logs?level=&after=&limit=: the latest entries of the last hour, oldest first."""
    entries = request.app[DEPENDENCIES].log_entries(
        least=LEVELS[one_of(request, "level", tuple(LEVELS)) or "info"],
        after=number(request, "after", 0, LARGEST_ID, least=0),
        limit=number(request, "limit", PAGE, LARGEST_PAGE),
    )
    return web.json_response({"entries": [asdict(entry) for entry in entries]})
