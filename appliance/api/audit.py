"""Adds entries to the audit trail from requests: what, who, from where, with which outcome."""

import time

from aiohttp import web

from appliance.access.audit import COMMAND_LINE, DONE, AuditAction
from appliance.access.pairing import client_network
from appliance.access.rate_limit import RateLimiter
from appliance.access.tokens import Role
from appliance.api.auth import IDENTITY
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import address
from appliance.event_hub import Topic
from appliance.store.records import AuditEntry

# The trail keeps a bounded number of entries: repeated refusals must not displace all others.
REFUSALS = web.AppKey("refusals", RateLimiter)

# Who reads on is noted once an hour for each conversation, not for each page of it.
READINGS = web.AppKey("readings", RateLimiter)

# What an action changes on the pages of administrators that are open meanwhile.
TOPICS = {
    AuditAction.PAIRED: Topic.CLIENTS,
    AuditAction.REVOKED: Topic.CLIENTS,
    AuditAction.ROLE: Topic.CLIENTS,
    AuditAction.RENAMED: Topic.CLIENTS,
    AuditAction.SETTING: Topic.SETTINGS,
    AuditAction.MODEL_PULLED: Topic.MODELS,
    AuditAction.MODEL_REMOVED: Topic.MODELS,
}


def refusals() -> RateLimiter:
    """Limits the refusals noted per action and address: five at once, then one a minute."""
    return RateLimiter(1 / 60, 5)


def readings() -> RateLimiter:
    """Limits the readings noted per client and conversation: one an hour."""
    return RateLimiter(1 / 3600, 1)


def note(
    request: web.Request, action: AuditAction, *, client_id: str | None = None, detail: str = ""
) -> None:
    """Notes what the sender of `request` did, and to which client, if any. Returns at once.

    Tells the open pages of administrators where it changes what they show.
    """
    identity = request.get(IDENTITY)
    # A sender that had no identity yet has just become this client, by pairing.
    who = client_id if identity is None else identity.client_id
    _write(request, action, who, DONE, client_id, detail)
    if topic := TOPICS.get(action):
        request.app[DEPENDENCIES].hub.publish(topic, {}, minimum=Role.ADMIN)


def note_refusal(request: web.Request, action: AuditAction, outcome: str, detail: str = "") -> None:
    """Notes what an unpaired sender was refused, within the limit of `refusals`."""
    limiter = request.app[REFUSALS]
    if not limiter.take(f"{action} {client_network(address(request))}", time.monotonic()):
        _write(request, action, None, outcome, None, detail)


def note_reading(
    request: web.Request, action: AuditAction, owner: str | None, *, detail: str
) -> None:
    """Notes that the sender read what `owner` said, unless that is the sender."""
    deps, reader = request.app[DEPENDENCIES], request[IDENTITY].client_id
    if owner == reader or reader == COMMAND_LINE or not deps.paired_only:
        return
    if not request.app[READINGS].take(f"{reader} {action} {detail}", time.monotonic()):
        note(request, action, client_id=owner, detail=detail)


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
