"""One-time tokens that open the WebSocket of one session."""

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from appliance.access.tokens import token_hash
from appliance.errors import NotPaired, SessionTaken, SessionUnknown

REMEMBERED = 10_000  # tickets; sessions that nobody ends explicitly must not fill the memory


@dataclass(slots=True)
class _Ticket:
    hashed: str
    expires: float
    used: bool = False


class Tickets:
    """A ticket lasts `seconds` and is used once; its session is known until `forget`."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._tickets: OrderedDict[str, _Ticket] = OrderedDict()

    def issue(self, session_id: str, now: float) -> str:
        """A new ticket; an earlier one of the same session is void."""
        token = secrets.token_urlsafe(32)
        self._tickets[session_id] = _Ticket(token_hash(token), now + self._seconds)
        self._tickets.move_to_end(session_id)
        if len(self._tickets) > REMEMBERED:
            self._tickets.popitem(last=False)
        return token

    def redeem(self, session_id: str, token: str, now: float) -> None:
        """Uses the ticket up.

        Raises SessionUnknown, NotPaired for a wrong or an expired token, and SessionTaken for one
        that was used already. A wrong token does not use the ticket up.
        """
        ticket = self._tickets.get(session_id)
        if ticket is None:
            raise SessionUnknown(f"there is no session {session_id!r}")
        if not hmac.compare_digest(ticket.hashed, token_hash(token)):
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
        """The session is over; one that is not known is no error."""
        self._tickets.pop(session_id, None)
