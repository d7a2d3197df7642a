"""Serves the tools: which there are, which servers and agents bring them, and how those are."""

from aiohttp import web

from appliance.api.dependencies import DEPENDENCIES


async def listing(request: web.Request) -> web.Response:
    """GET /api/tools: tools, servers of tools and agents; settings switch them."""
    return web.json_response(request.app[DEPENDENCIES].admin.tools())
