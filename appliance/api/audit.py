"""Writing the audit trail from a request: when, what, who, from where, with which outcome."""

import time

from aiohttp import web

from appliance.access.audit import DONE, AuditAction
from appliance.access.pairing import network
from appliance.access.rate_limit import RateLimiter
from appliance.api.auth import IDENTITY
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import address
from appliance.store.records import AuditEntry

# Who only knocks must not wash the trail away, which keeps a bounded number of entries.
REFUSALS = web.AppKey("refusals", RateLimiter)


def refusals() -> RateLimiter:
    """How many refusals of a kind of one address are noted: five at once, then one a minute."""
    return RateLimiter(1 / 60, 5)


def note(
    request: web.Request, action: AuditAction, *, client_id: str | None = None, detail: str = ""
) -> None:
    """Notes what the asker of `request` did, to which client if to one. Returns at once."""
    identity = request.get(IDENTITY)
    # Who was not anybody before is the client that it became.
    who = client_id if identity is None else identity.client_id
    _write(request, action, who, DONE, client_id, detail)


def note_refusal(request: web.Request, action: AuditAction, outcome: str, detail: str = "") -> None:
    """Notes what a stranger was refused, where that is not the same over and over."""
    limiter = request.app[REFUSALS]
    if not limiter.take(f"{action} {network(address(request))}", time.monotonic()):
        _write(request, action, None, outcome, None, detail)


def _write(
    request: web.Request,
    action: AuditAction,
    who: str | None,
    outcome: str,
    client_id: str | None,
    detail: str,
) -> None:
    entry = AuditEntry(time.time(), action, who, address(request), outcome, client_id, detail)
    request.app[DEPENDENCIES].store.clients.audit(entry)
