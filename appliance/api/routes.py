"""Every route of the appliance as one table, with the least role that may use it."""

from typing import NamedTuple

from appliance.access.tokens import Role
from appliance.api import conversations as keeping, health as observing, clients as pairing, selftest as selftesting, sessions as talking, tasks as tasking
from appliance.api.auth import Handler


class Route(NamedTuple):
    """`role` None is everybody, paired or not; the handler then decides what it tells whom."""

    method: str
    path: str
    handler: Handler
    role: Role | None


EVERYBODY, GUEST, USER, ADMIN = None, Role.GUEST, Role.USER, Role.ADMIN

ROUTES: tuple[Route, ...] = (
    Route("GET", "/health", observing.health, EVERYBODY),
    Route("GET", "/ready", observing.ready, EVERYBODY),
    Route("GET", "/config", observing.configuration, ADMIN),
    Route("GET", "/metrics", observing.metrics, EVERYBODY),
    Route("GET", "/internal/auth", pairing.authorise, GUEST),
    Route("GET", "/api/ping", observing.ping, EVERYBODY),
    Route("GET", "/api/status", observing.status, USER),
    Route("GET", "/api/selftest", selftesting.last, ADMIN),
    Route("POST", "/api/selftest", selftesting.start, ADMIN),
    Route("POST", "/api/pair", pairing.pair, EVERYBODY),
    Route("GET", "/api/me", pairing.me, GUEST),
    Route("GET", "/api/clients", pairing.clients, ADMIN),
    Route("PATCH", "/api/clients/{id}", pairing.change_role, ADMIN),
    Route("DELETE", "/api/clients/{id}", pairing.revoke, ADMIN),
    Route("GET", "/api/audit", pairing.audit, ADMIN),
    Route("POST", "/api/sessions", talking.create, GUEST),
    Route("GET", "/api/sessions", talking.listing, ADMIN),
    Route("DELETE", "/api/sessions/{id}", talking.hang_up, GUEST),
    Route("GET", "/ws/{id}", talking.websocket, GUEST),
    Route("GET", "/api/conversations", keeping.listing, USER),
    Route("GET", "/api/conversations/search", keeping.search, USER),
    Route("GET", "/api/conversations/{id}", keeping.one, USER),
    Route("GET", "/api/conversations/{id}/export", keeping.export, USER),
    Route("DELETE", "/api/conversations/{id}", keeping.delete, USER),
    Route("GET", "/api/tasks", tasking.listing, USER),
    Route("GET", "/api/tasks/{id}", tasking.one, USER),
    Route("DELETE", "/api/tasks/{id}", tasking.cancel, USER),
)
