"""Wraps every request: checks its origin, finds its token and address, turns errors into JSON."""

import ipaddress
import logging
import math
import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from appliance.access.origins import host_allowed, is_this_machine, origin_allowed
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

# A whole address as the target of a request, with somebody's name before the host, which aiohttp
# takes away. Browsers send neither.
_NAMES_USER = re.compile(r"[a-z]+://[^/?#]*@", re.IGNORECASE)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers errors as `{"error": {code, message, advice}}` with their status, and counts them."""
    try:
        return await handler(request)
    except ApplianceError as error:
        return _error_response(request, error)
    except web.HTTPNotFound:
        return _error_response(request, NotFound(f"there is nothing at {request.path}"))
    except web.HTTPMethodNotAllowed as wrong:
        refusal = BadRequest(f"{request.method} is not possible at {request.path}")
        return _error_response(request, refusal, status=wrong.status)
    except web.HTTPRequestEntityTooLarge as wrong:
        return _error_response(request, BadRequest("the request is too large"), status=wrong.status)
    except web.HTTPException as wrong:
        if wrong.status < 400:
            raise
        return _error_response(request, BadRequest(wrong.text or wrong.reason), status=wrong.status)
    except Exception:  # the boundary of a request: the server lives on
        log.exception("%s %s failed", request.method, request.path)
        return _error_response(
            request, ApplianceError("the appliance failed to answer this request")
        )


def _error_response(
    request: web.Request, error: ApplianceError, status: int | None = None
) -> web.Response:
    request.app[DEPENDENCIES].count_refusal(error.code)
    headers = {}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif error.status == 503:
        headers["Retry-After"] = "5"
    return web.json_response(error.as_json(), status=status or error.status, headers=headers)


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses writes and WebSockets of foreign pages, which would carry the user's cookie.

    Refuses every request under a host name that is not the appliance's (DNS rebinding).
    """
    deps = request.app[DEPENDENCIES]
    if _NAMES_USER.match(request.raw_path) or not host_allowed(request.host, deps.host_names()):
        raise WrongHost(f"this appliance is not called {request.host}")
    writes = request.method not in ("GET", "HEAD")
    if writes or request.headers.get("Upgrade", "").lower() == "websocket":
        origin = request.headers.get("Origin")
        # A program that pairs itself has no bearer token yet. Without a cookie, or with open
        # access, a request without Origin is no risk; a foreign page is refused all the same.
        risky = deps.paired_only and COOKIE in request.cookies
        program = bearer(request) is not None or not risky
        scheme = "https" if _by_https_only(request) else None
        if not origin_allowed(origin, request.host, deps.origins, scheme=scheme, bearer=program):
            if origin is None:
                raise Forbidden("a request with the cookie of the page must have an Origin header")
            raise Forbidden(f"a page of the origin {origin} may not use this appliance")
    return await handler(request)


def _by_https_only(request: web.Request) -> bool:
    """Whether a page that came by plain http cannot be the appliance's own.

    A proxy tells so. Without one, the cookie does: browsers keep it from plain http, except on
    their own machine.
    """
    return is_encrypted(request) or (
        COOKIE in request.cookies and not is_this_machine(request.host)
    )


def token(request: web.Request) -> str | None:
    """Returns the client token of a request, from its Authorization header or its cookie."""
    return bearer(request) or request.cookies.get(COOKIE)


def origin_of_page(request: web.Request) -> str:
    """Returns the address under which the sender sees the appliance, as scheme and host."""
    if origin := request.headers.get("Origin"):
        return origin
    forwarded = request.headers.get("X-Forwarded-Proto", "") if is_local_peer(request) else ""
    return f"{forwarded or request.scheme}://{request.host}"


def bearer(request: web.Request) -> str | None:
    """Returns the token of the Authorization header."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def address(request: web.Request) -> str:
    """Returns the address that sent the request; X-Forwarded-For counts only from this machine."""
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if forwarded and is_local_peer(request) else request.remote or "local"


def is_encrypted(request: web.Request) -> bool:
    """Whether the browser came by https; X-Forwarded-Proto counts only from this machine."""
    forwarded = request.headers.get("X-Forwarded-Proto", "") if is_local_peer(request) else ""
    return (forwarded or request.scheme) == "https"


def is_local_peer(request: web.Request) -> bool:
    """Whether the connection comes from this machine; one over a Unix socket has no address."""
    if not request.remote:
        return True
    try:
        return ipaddress.ip_address(request.remote).is_loopback
    except ValueError:
        return True
