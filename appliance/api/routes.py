"""Lists every public route, with the lowest role that may use it."""

from typing import NamedTuple

from appliance.access.tokens import Role
from appliance.api import (
    analytics,
    clients,
    conversations,
    events,
    health,
    logs,
    models,
    pairing_codes,
    preferences,
    recordings,
    selftest,
    sessions,
    settings,
    tasks,
    timers,
    tools,
)
from appliance.api.middleware import Handler


class Route(NamedTuple):
    """One route. `role` None admits everybody, paired or not; the handler then decides.

    `by_ticket`: from a page of `access.origins`, the token of a session is enough.
    """

    method: str
    path: str
    handler: Handler
    role: Role | None
    by_ticket: bool = False


EVERYBODY, GUEST, USER, ADMIN = None, Role.GUEST, Role.USER, Role.ADMIN

ROUTES: tuple[Route, ...] = (
    Route("GET", "/health", health.health, EVERYBODY),
    Route("GET", "/ready", health.ready, EVERYBODY),
    Route("GET", "/config", health.configuration, ADMIN),
    Route("GET", "/metrics", health.metrics, EVERYBODY),
    Route("GET", "/internal/auth", clients.authorise, GUEST),
    Route("GET", "/api/ping", health.ping, EVERYBODY),
    Route("GET", "/api/status", health.status, USER),
    Route("GET", "/api/logs", logs.logs, ADMIN),
    Route("GET", "/api/analytics", analytics.by_day, ADMIN),
    Route("GET", "/api/analytics.csv", analytics.raw, ADMIN),
    Route("GET", "/api/events", events.stream, GUEST),
    Route("GET", "/api/selftest", selftest.last, ADMIN),
    Route("POST", "/api/selftest", selftest.start, ADMIN),
    Route("GET", "/api/settings", settings.read, ADMIN),
    Route("PATCH", "/api/settings", settings.change, ADMIN),
    Route("POST", "/api/settings/llm/test", settings.check_llm, ADMIN),
    Route("POST", "/api/restart", settings.restart, ADMIN),
    Route("GET", "/api/voices", settings.list_voices, USER),
    Route("POST", "/api/voices/preview", settings.preview, USER),
    Route("GET", "/api/models", models.listing, ADMIN),
    Route("POST", "/api/models", models.verify, ADMIN),
    Route("POST", "/api/models/{id}", models.pull, ADMIN),
    Route("DELETE", "/api/models/{id}", models.remove, ADMIN),
    Route("DELETE", "/api/models/jobs/{id}", models.cancel, ADMIN),
    Route("GET", "/api/tools", tools.listing, ADMIN),
    Route("POST", "/api/pair", clients.pair, EVERYBODY),
    Route("POST", "/api/pairing-codes", pairing_codes.create, ADMIN),
    Route("GET", "/api/pairing-codes", pairing_codes.listing, ADMIN),
    Route("DELETE", "/api/pairing-codes/{id}", pairing_codes.revoke, ADMIN),
    Route("GET", "/api/me", clients.me, GUEST),
    Route("GET", "/api/clients", clients.clients, ADMIN),
    Route("PATCH", "/api/clients/{id}", clients.change, ADMIN),
    Route("DELETE", "/api/clients/{id}", clients.revoke, ADMIN),
    Route("GET", "/api/audit", clients.audit, ADMIN),
    Route("POST", "/api/sessions", sessions.create, GUEST),
    Route("POST", "/api/start", sessions.start, GUEST),
    Route("GET", "/api/sessions", sessions.listing, ADMIN),
    Route("PATCH", "/api/sessions/{id}", sessions.change, GUEST),
    Route("DELETE", "/api/sessions/{id}", sessions.hang_up, GUEST),
    Route("POST", "/api/sessions/{id}/recording", recordings.start, USER),
    Route("DELETE", "/api/sessions/{id}/recording", recordings.stop, USER),
    Route("GET", "/ws/{id}", sessions.websocket, GUEST, by_ticket=True),
    Route("GET", "/api/conversations", conversations.listing, USER),
    Route("GET", "/api/conversations/search", conversations.search, USER),
    Route("GET", "/api/conversations/{id}", conversations.read, USER),
    Route("GET", "/api/conversations/{id}/export", conversations.export, USER),
    Route("GET", "/api/conversations/{id}/turns", conversations.turns, USER),
    Route("PATCH", "/api/conversations/{id}", conversations.rename, USER),
    Route("DELETE", "/api/conversations/{id}", conversations.delete, USER),
    Route("GET", "/api/conversations/{id}/recordings", recordings.listing, USER),
    Route("GET", "/api/conversations/{id}/recordings/{recording}", recordings.play, USER),
    Route("DELETE", "/api/conversations/{id}/recordings/{recording}", recordings.delete, USER),
    Route("POST", "/api/conversations/{id}/restore", conversations.restore, USER),
    Route("GET", "/api/preferences", preferences.read, GUEST),
    Route("PATCH", "/api/preferences", preferences.change, GUEST),
    Route("GET", "/api/timers", timers.listing, GUEST),
    Route("POST", "/api/timers", timers.create, GUEST),
    Route("PATCH", "/api/timers/{id}", timers.change, GUEST),
    Route("DELETE", "/api/timers/{id}", timers.end, GUEST),
    Route("GET", "/api/tasks", tasks.listing, USER),
    Route("GET", "/api/tasks/{id}", tasks.read, USER),
    Route("DELETE", "/api/tasks/{id}", tasks.cancel, USER),
    Route("POST", "/api/tasks/{id}/continue", tasks.resume, USER),
)
