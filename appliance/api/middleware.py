"""What every request passes: who asks, from where, and how errors leave."""

import ipaddress
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from appliance.access.origins import host_allowed, origin_allowed
from appliance.api.dependencies import DEPENDENCIES
from appliance.errors import (
    ApplianceError,
    BadRequest,
    Forbidden,
    NotFound,
    TooManyRequests,
    WrongHost,
)

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "__Host-appliance"


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error as `{"error": {code, message, advice}}` with its status, and counted."""
    try:
        return await handler(request)
    except ApplianceError as error:
        return _answer(request, error)
    except web.HTTPNotFound:
        return _answer(request, NotFound(f"there is nothing at {request.path}"))
    except web.HTTPMethodNotAllowed as wrong:
        refusal = BadRequest(f"{request.method} is not possible at {request.path}")
        return _answer(request, refusal, status=wrong.status)
    except web.HTTPRequestEntityTooLarge as wrong:
        return _answer(request, BadRequest("the request is too large"), status=wrong.status)
    except web.HTTPException as wrong:
        if wrong.status < 400:
            raise
        return _answer(request, BadRequest(wrong.text or wrong.reason), status=wrong.status)
    except Exception:  # the boundary of a request: the server lives on
        log.exception("%s %s failed", request.method, request.path)
        return _answer(request, ApplianceError("the appliance failed to answer this request"))


def _answer(request: web.Request, error: ApplianceError, status: int | None = None) -> web.Response:
    request.app[DEPENDENCIES].count_refusal(error.code)
    headers = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    elif error.status == 503:
        headers["Retry-After"] = "5"
    return web.json_response(error.as_json(), status=status or error.status, headers=headers)


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what a foreign page sends with the user's cookie: writes, and every WebSocket.

    And everything that came by a name which is not the appliance's (DNS rebinding).
    """
    deps = request.app[DEPENDENCIES]
    if not host_allowed(request.host, deps.host_names()):
        raise WrongHost(f"this appliance is not called {request.host}")
    writes = request.method not in ("GET", "HEAD")
    if writes or request.headers.get("Upgrade", "").lower() == "websocket":
        origin = request.headers.get("Origin")
        # Without a cookie, and with open access, there is nothing that a page could misuse, and
        # a program that pairs itself has no token yet. A foreign page is refused all the same.
        misusable = deps.paired_only and COOKIE in request.cookies
        programs = bearer(request) is not None or not misusable
        if not origin_allowed(origin, request.host, deps.origins, bearer=programs):
            raise Forbidden(f"the origin {origin} may not talk to this appliance")
    return await handler(request)


def token(request: web.Request) -> str | None:
    """The client token a request carries, as a bearer or in its cookie."""
    return bearer(request) or request.cookies.get(COOKIE)


def bearer(request: web.Request) -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def address(request: web.Request) -> str:
    """Where the request comes from; nginx's word for it is taken only from this machine."""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and is_local_peer(request) else request.remote or "local"


def is_local_peer(request: web.Request) -> bool:
    """Whether the connection itself comes from this machine (a Unix socket has no address)."""
    if not request.remote:
        return True
    try:
        return ipaddress.ip_address(request.remote).is_loopback
    except ValueError:
        return True
