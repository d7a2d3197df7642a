"""Tokens of paired clients, the roles that come with them, and one-time tickets of sessions."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from appliance.errors import NotPaired, SessionTaken, SessionUnknown

REMEMBERED_TICKETS = 10_000  # so that sessions nobody ends explicitly do not fill the memory


class Role(StrEnum):
    """The roles, each with the rights of the one before it and more.

    A guest talks. A user also has a history of its own and gives work to agents. An administrator
    sees and changes everything.
    """

    GUEST = "guest"
    USER = "user"
    ADMIN = "admin"


def reaches(role: str | None, minimum: Role) -> bool:
    """Whether `role` has the rights of `minimum`; None and an unknown role have no rights."""
    ranks = list(Role)
    return role in ranks and ranks.index(Role(role)) >= ranks.index(minimum)


def role_for_pairing(requested: Role | None, *, anybody: bool) -> Role:
    """Returns the role of a new code; the first pairing after installation is an administrator's.

    Once `anybody` was paired, a code for an administrator must be `requested`, even where the
    administrator was revoked or has a lower role by now: on the command line, as root.
    """
    if requested is not None:
        return requested
    return Role.USER if anybody else Role.ADMIN


def new_token() -> str:
    """Returns 256 random bits, safe in a cookie, a header and an address."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Returns what is stored of a token. SHA-256 without salt is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class _Ticket:
    client_id: str
    token_sha256: str
    expires: float
    used: bool = False


class SessionTickets:
    """One-time tokens, each of which opens the WebSocket of one session, to one client.

    A ticket lasts for `seconds`; its session is known until `forget`.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._tickets: OrderedDict[str, _Ticket] = OrderedDict()

    def issue(self, session_id: str, client_id: str, now: float) -> str:
        """Returns a new ticket for a client; an earlier one of the same session is void."""
        token = new_token()
        self._tickets[session_id] = _Ticket(client_id, token_hash(token), now + self._seconds)
        self._tickets.move_to_end(session_id)
        if len(self._tickets) > REMEMBERED_TICKETS:
            self._tickets.popitem(last=False)
        return token

    def redeem(self, session_id: str, client_id: str | None, token: str, now: float) -> None:
        """Uses the ticket up; a wrong token leaves it as it is.

        `client_id` is None for a program with nothing but the ticket, which counts as the client
        that was given it. Raises SessionUnknown, also for the session of another client, NotPaired
        for a wrong or an expired token, and SessionTaken for one that was used already.
        """
        ticket = self._tickets.get(session_id)
        if client_id is not None and (ticket is None or ticket.client_id != client_id):
            raise SessionUnknown
        # Where nobody is known to ask, a session that there is not is answered like any other.
        if ticket is None or not hmac.compare_digest(ticket.token_sha256, token_hash(token)):
            raise NotPaired(
                "the token of the session is wrong",
                advice="Use the address that POST /api/sessions answered, as it is.",
            )
        if ticket.used:
            raise SessionTaken("the token of the session was used already")
        if now >= ticket.expires:
            raise NotPaired(
                "the token of the session has expired",
                advice="Create a new session with POST /api/sessions and connect at once.",
            )
        ticket.used = True

    def forget(self, session_id: str) -> None:
        """Drops the ticket of a session that is over; an unknown session is no error."""
        self._tickets.pop(session_id, None)
