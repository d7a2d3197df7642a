"""Lets the pages of `access.origins` call the API from their own origin (CORS).

nginx says the same of its own answers (nginx/site.conf); a test compares both.
"""

from typing import Final

from aiohttp import hdrs, web

from appliance.access.origins import origin_listed
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import Handler

METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
HEADERS: Final = "Authorization, Content-Type"
PREFLIGHT_SECONDS: Final = 600
"""How long a browser remembers the answer to a preflight request."""


def from_listed_page(request: web.Request) -> bool:
    """Whether a page of one of `access.origins` sent the request."""
    return origin_listed(request.headers.get("Origin"), request.app[DEPENDENCIES].origins)


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers the request by which a browser asks whether a listed page may send another one.

    It carries no token, so it is answered before anybody asks for one.
    """
    asks = (
        request.method == hdrs.METH_OPTIONS and "Access-Control-Request-Method" in request.headers
    )
    if not asks or not from_listed_page(request):
        return await handler(request)
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        },
    )


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Lets a listed page read the response, whatever it is: errors and streams, too."""
    if from_listed_page(request):
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers.add("Vary", "Origin")
