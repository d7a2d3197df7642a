"""Every route of the appliance, as one table."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from appliance.api import keeping, observing, pairing, talking

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/health", observing.health),
    ("GET", "/ready", observing.ready),
    ("GET", "/config", observing.configuration),
    ("GET", "/metrics", observing.metrics),
    ("GET", "/api/status", observing.status),
    ("POST", "/api/pair", pairing.pair),
    ("GET", "/api/clients", pairing.clients),
    ("DELETE", "/api/clients/{id}", pairing.revoke),
    ("POST", "/api/sessions", talking.create),
    ("GET", "/api/sessions", talking.listing),
    ("DELETE", "/api/sessions/{id}", talking.hang_up),
    ("GET", "/ws/{id}", talking.websocket),
    ("GET", "/api/conversations", keeping.listing),
    ("GET", "/api/conversations/search", keeping.search),
    ("GET", "/api/conversations/{id}", keeping.one),
    ("GET", "/api/conversations/{id}/export", keeping.export),
    ("DELETE", "/api/conversations/{id}", keeping.delete),
)
