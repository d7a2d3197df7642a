"""Tokens of paired clients, and how far their roles reach."""

import hashlib
import secrets
from enum import StrEnum


class Role(StrEnum):
    """Each may do what the one before it may, and more.

    A guest talks; a user also keeps a history of its own and has agents work; an administrator
    sees and settles all.
    """

    GUEST = "guest"
    USER = "user"
    ADMIN = "admin"


def reaches(role: str | None, least: Role) -> bool:
    """Whether `role` goes as far as `least`; none, and one that is not known, from a damaged row
    perhaps, goes nowhere."""
    ranks = list(Role)
    return role in ranks and ranks.index(Role(role)) >= ranks.index(least)


def role_for_pairing(requested: Role | None, *, anybody: bool) -> Role:
    """The role of a new code: the first pairing after installation makes the administrator.

    That window stays closed once `anybody` was paired, even after the administrator was revoked
    or became something less: then only somebody who asks for an administrator by name, as root,
    gets one.
    """
    if requested is not None:
        return requested
    return Role.USER if anybody else Role.ADMIN


def new_token() -> str:
    """256 random bits, safe in a cookie, a header and an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token. Plain SHA-256 will do: there is nothing to guess in 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
