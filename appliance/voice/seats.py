"""Decides who gets one of the places, and who gives one up. Pure: times are arguments.

A place is taken by a session in which somebody talks. One that was only offered takes none, and a
connected one in which nobody has talked for a while waits: it goes on while there is room, and
gives its place up to the next who comes. Administrators, and anybody while an alarm rings unheard,
get in even where everybody talks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.access.tokens import Role, reaches
from appliance.errors import SessionLimit

WAITING_SECONDS = 60.0  # after the last word: as long as somebody may think about an answer

# The part of all places that one client may hold. An administrator's share is everything.
SHARES: Final = {Role.GUEST: 0.25, Role.USER: 0.5}
GUESTS_SHARE = 0.5  # of all guests together


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A client that wants a place.

    `role` is None with open access, where clients are not told apart and none has a share.
    `urgent`: an alarm rings that nobody hears.
    """

    client_id: str
    role: Role | None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Seat:
    """A connected session; `quiet` are the seconds since somebody talked in it."""

    session_id: str
    client_id: str
    role: Role | None
    quiet: float

    @property
    def waits(self) -> bool:
        return self.quiet >= WAITING_SECONDS


def gives_way(newcomer: Newcomer, seats: Sequence[Seat], places: int) -> Seat | None:
    """The session that gives its place to `newcomer`; None where there is a free one.

    Raises SessionLimit where the newcomer has to wait.
    """
    own = [seat for seat in seats if seat.client_id == newcomer.client_id]
    if len(own) >= _share(newcomer, places):
        return _first_to_go(own, "this device already holds as many places as one may")
    guests = [seat for seat in seats if seat.role is Role.GUEST]
    if newcomer.role is Role.GUEST and len(guests) >= max(1, int(places * GUESTS_SHARE)):
        return _first_to_go(guests, "all places for guests are taken")
    if len(seats) < places:
        return None
    if newcomer.urgent or (reaches(newcomer.role, Role.ADMIN) and not own):
        waiting = [seat for seat in seats if seat.waits]
        return min(waiting, key=_worth, default=None)
    return _first_to_go(seats, f"all {places} places are taken")


def _share(newcomer: Newcomer, places: int) -> int:
    return max(1, int(places * SHARES[newcomer.role])) if newcomer.role in SHARES else places + 1


def _first_to_go(seats: Sequence[Seat], refusal: str) -> Seat:
    waiting = [seat for seat in seats if seat.waits]
    if not waiting:
        raise SessionLimit(refusal)
    return min(waiting, key=_worth)


def _worth(seat: Seat) -> tuple[bool, float]:
    """Guests give way first, then those that have been quiet for longest."""
    return seat.role is not Role.GUEST, -seat.quiet
