"""Tokens of paired clients, their roles, and what a role allows."""

import hashlib
import secrets
from enum import StrEnum


class Role(StrEnum):
    """Each may do what the one before it may, and more."""

    GUEST = "guest"
    USER = "user"
    ADMIN = "admin"


class Action(StrEnum):
    TALK = "talk"
    OWN_HISTORY = "own_history"
    STATUS = "status"
    ALL_HISTORY = "all_history"
    SETTINGS = "settings"
    CLIENTS = "clients"
    UPDATE = "update"
    LOGS = "logs"


ALLOWED: dict[Role, frozenset[Action]] = {
    Role.GUEST: frozenset({Action.TALK}),
    Role.USER: frozenset({Action.TALK, Action.OWN_HISTORY, Action.STATUS}),
    Role.ADMIN: frozenset(Action),
}


def allows(role: str, action: Action) -> bool:
    """A role that is not known, from a damaged row perhaps, allows nothing."""
    return role in set(Role) and action in ALLOWED[Role(role)]


def role_for_pairing(requested: Role | None, admin_exists: bool) -> Role:
    """The role of a new code: the first pairing after installation makes the administrator."""
    if requested is not None:
        return requested
    return Role.USER if admin_exists else Role.ADMIN


def new_token() -> str:
    """256 random bits, safe in a cookie, a header and an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token. Plain SHA-256 will do: there is nothing to guess in 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
