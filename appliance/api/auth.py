"""Authenticates requests: by a client's token, or as anybody where access is open."""

import time
from dataclasses import dataclass

from aiohttp import web

from appliance.access.tokens import Role, reaches, token_hash
from appliance.api.cross_origin import from_listed_page
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import COOKIE, Handler, token
from appliance.errors import Forbidden, NotPaired

ANYBODY = "anybody"

# A browser forgets its pairing half a year after its last request. The appliance itself counts no
# days: its clock may be years off until it reaches a time server.
COOKIE_SECONDS = 180 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Identity:
    """The client that sent a request."""

    client_id: str
    name: str
    role: Role


IDENTITY = web.RequestKey("identity", Identity)


async def identify(request: web.Request) -> Identity | None:
    """Returns the client behind a request; None where it carries no valid token."""
    deps = request.app[DEPENDENCIES]
    if not deps.paired_only:
        return Identity(ANYBODY, ANYBODY, Role.ADMIN)
    value = token(request)
    if not value:
        return None
    client = await deps.store.clients.by_token_hash(token_hash(value))
    if client is None or client.role not in set(Role):
        return None
    deps.store.clients.touch(client.id, time.time())
    return Identity(client.id, client.name, Role(client.role))


def guarded(handler: Handler, minimum: Role | None, *, by_ticket: bool = False) -> Handler:
    """Returns the handler for clients whose role reaches `minimum`; None: for everybody.

    With `by_ticket`, a page of `access.origins` needs no token of a client: its browser sends none
    with a WebSocket, and the handler asks for the session's, which only a client was given.

    It raises NotPaired without a valid token and Forbidden for a lower role, and sets the identity
    that `sender` returns. A valid cookie is prolonged to half a year from now.
    """
    if minimum is None:
        return handler

    async def guard(request: web.Request) -> web.StreamResponse:
        if by_ticket and from_listed_page(request):
            return await handler(request)
        identity = await identify(request)
        if identity is None:
            raise NotPaired("this browser is not paired with the appliance")
        if not reaches(identity.role, minimum):
            raise Forbidden(
                f"a client with the role {identity.role.value} may not do this",
                advice="Ask an administrator of the appliance to do it, or for another role.",
            )
        request[IDENTITY] = identity
        response = await handler(request)
        _prolong_cookie(request, response)
        return response

    return guard


def _prolong_cookie(request: web.Request, response: web.StreamResponse) -> None:
    value = request.cookies.get(COOKIE)
    by_cookie = value is not None and value == token(request)
    if value and by_cookie and request[IDENTITY].client_id != ANYBODY and not response.prepared:
        keep_token(response, value)


def sender(request: web.Request) -> Identity:
    """Returns the client that sent the request; only inside handlers that are `guarded`."""
    return request[IDENTITY]


def owner_filter(request: web.Request) -> str | None:
    """Returns the client whose conversations and tasks the sender may see; None: everybody's."""
    identity = sender(request)
    return None if identity.role is Role.ADMIN else identity.client_id


def keep_token(response: web.StreamResponse, value: str) -> None:
    """Sets the cookie that keeps the token in the browser, out of reach of every script."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="Strict",
    )
