"""The sessions there are, offered or connected, and who of them holds a place (see `seats`)."""

import time
from collections.abc import Callable, Sequence

from appliance.access.tokens import Role
from appliance.voice.seats import Newcomer, Seat, gives_way
from appliance.voice.session import Session, SessionState

# As long as a page may take from POST /api/sessions to its WebSocket.
OFFER_SECONDS = 60.0
# Sessions that one client may have asked for and not yet connected to; an older one lapses. With
# open access all clients are one.
OFFERS, ANYBODYS_OFFERS = 4, 64


class Places:
    """Sessions by id, each with the role of its client: None where clients are not told apart.

    `limit` returns the number of places, `alarm_unheard` whether an alarm rang that nobody heard,
    `now` the seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        limit: Callable[[], int],
        alarm_unheard: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sessions: dict[str, Session] = {}
        self._roles: dict[str, Role | None] = {}
        self._offered_at: dict[str, float] = {}
        self._limit = limit
        self._alarm_unheard = alarm_unheard
        self._now = now

    def check(self, client_id: str, role: Role | None) -> Session | None:
        """The session that gives its place to a new one of this client; None where one is free.

        Raises SessionLimit.
        """
        seats = [
            Seat(s.session_id, s.client_id, self._roles[s.session_id], s.quiet_seconds)
            for s in self.sessions.values()
            if s.state is SessionState.OPEN and not s.is_ending
        ]
        seat = gives_way(Newcomer(client_id, role, self._alarm_unheard()), seats, self._limit())
        return None if seat is None else self.sessions[seat.session_id]

    def offer(self, session: Session, role: Role | None) -> None:
        """Adds a session that its client has yet to connect to; it takes no place."""
        own = [one for one in self._offers() if one.client_id == session.client_id]
        most = ANYBODYS_OFFERS if role is None else OFFERS
        for older in own[: max(0, len(own) - most + 1)]:
            self.remove(older.session_id)
        self.sessions[session.session_id] = session
        self._roles[session.session_id] = role
        self._offered_at[session.session_id] = self._now()

    def take(self, session: Session) -> Session | None:
        """The session that gives its place to an offered one. Raises SessionLimit."""
        return self.check(session.client_id, self._roles[session.session_id])

    def remove(self, session_id: str) -> None:
        """Removes a session; an unknown one is no error."""
        self.sessions.pop(session_id, None)
        self._roles.pop(session_id, None)
        self._offered_at.pop(session_id, None)

    def drop_expired_offers(self) -> None:
        horizon = self._now() - OFFER_SECONDS
        for session in self._offers():
            if self._offered_at[session.session_id] < horizon:
                self.remove(session.session_id)

    def _offers(self) -> Sequence[Session]:
        return [s for s in self.sessions.values() if s.state is SessionState.OFFERED]
