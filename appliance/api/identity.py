"""Who is asking: a paired client by its token, or everybody where access is open."""

import time
from dataclasses import dataclass

from aiohttp import web

from appliance.access.tokens import Action, Role, allows, token_hash
from appliance.api.backend import BACKEND
from appliance.api.middleware import token
from appliance.errors import Forbidden, NotPaired

ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Identity:
    """A client as far as a request needs to know it."""

    client_id: str
    name: str
    role: Role


async def identify(request: web.Request) -> Identity | None:
    """The client behind a request; None where it carries no valid token."""
    backend = request.app[BACKEND]
    if not backend.paired_only:
        return Identity(ANYBODY, ANYBODY, Role.ADMIN)
    value = token(request)
    if not value:
        return None
    client = await backend.store.clients.by_token_hash(token_hash(value))
    if client is None:
        return None
    backend.store.clients.touch(client.id, time.time())
    return Identity(client.id, client.name, Role(client.role))


async def require(request: web.Request, action: Action) -> Identity:
    """The client behind a request that wants to do `action`.

    Raises NotPaired without a valid token, Forbidden where its role does not go that far.
    """
    identity = await identify(request)
    if identity is None:
        raise NotPaired("this browser is not paired with the appliance")
    if not allows(identity.role, action):
        raise Forbidden(
            f"a {identity.role.value} may not do this",
            advice="Ask an administrator of the appliance.",
        )
    return identity
