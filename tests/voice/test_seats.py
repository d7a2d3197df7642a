"""Places count when somebody talks; each has a share; who waits gives way."""

import pytest

from appliance.access.tokens import Role
from appliance.errors import SessionLimit
from appliance.voice.seats import WAITING_SECONDS, Newcomer, Seat, gives_way

TALKS, WAITS = 0.0, WAITING_SECONDS + 1


def seat(client: str, role: Role | None, quiet: float, number: int = 1) -> Seat:
    return Seat(f"{client}{number}", client, role, quiet)


def user(name: str) -> Newcomer:
    return Newcomer(name, Role.USER)


def test_a_free_place_is_taken_and_nobody_gives_way() -> None:
    assert gives_way(user("ann"), [seat("bob", Role.USER, WAITS)], 2) is None


def test_sockets_that_say_nothing_hold_no_place() -> None:
    silent = [seat(f"bob{number}", Role.USER, WAITS + number) for number in range(16)]
    assert gives_way(user("ann"), silent, 16) is silent[-1]


def test_guests_give_way_before_others() -> None:
    seats = [seat("bob", Role.USER, WAITS + 9), seat("visitor", Role.GUEST, WAITS)]
    assert gives_way(user("ann"), seats, 2) is seats[1]


def test_whoever_talks_keeps_the_place() -> None:
    seats = [seat("bob", Role.USER, TALKS), seat("visitor", Role.GUEST, TALKS)]
    with pytest.raises(SessionLimit, match="all 2 places"):
        gives_way(user("ann"), seats, 2)


def test_an_administrator_always_gets_in() -> None:
    admin = Newcomer("root", Role.ADMIN)
    talking = [seat("bob", Role.USER, TALKS), seat("eve", Role.USER, TALKS)]
    assert gives_way(admin, talking, 2) is None
    waiting = seat("eve", Role.USER, WAITS)
    assert gives_way(admin, [talking[0], waiting], 2) is waiting
    # With one session, and no more than that.
    with pytest.raises(SessionLimit):
        gives_way(admin, [*talking, seat("root", Role.ADMIN, TALKS)], 2)


def test_while_an_alarm_rings_unheard_anybody_gets_in() -> None:
    talking = [seat("bob", Role.USER, TALKS)]
    assert gives_way(Newcomer("visitor", Role.GUEST, urgent=True), talking, 1) is None


@pytest.mark.parametrize(("role", "share"), [(Role.GUEST, 2), (Role.USER, 4)])
def test_one_client_holds_its_share_and_no_more(role: Role, share: int) -> None:
    own = [seat("ann", role, TALKS, number) for number in range(share)]
    newcomer = Newcomer("ann", role)
    assert gives_way(newcomer, own[1:], 8) is None
    with pytest.raises(SessionLimit, match="as many places as one may"):
        gives_way(newcomer, own, 8)
    # Its own that wait make room for its next, not somebody else's.
    waiting = seat("ann", role, WAITS, 0)
    assert (
        gives_way(newcomer, [seat("bob", Role.GUEST, WAITS + 9), waiting, *own[1:]], 8) is waiting
    )


def test_guests_together_leave_room_for_the_household() -> None:
    guests = [seat(f"visitor{number}", Role.GUEST, TALKS) for number in range(4)]
    with pytest.raises(SessionLimit, match="guests"):
        gives_way(Newcomer("another", Role.GUEST), guests, 8)
    assert gives_way(user("ann"), guests, 8) is None


def test_a_board_with_one_place_serves_a_guest_too() -> None:
    assert gives_way(Newcomer("visitor", Role.GUEST), [], 1) is None


def test_with_open_access_clients_are_not_told_apart() -> None:
    anybody = Newcomer("anybody", None)
    talking = [seat("anybody", None, TALKS, number) for number in range(3)]
    assert gives_way(anybody, talking, 4) is None
    with pytest.raises(SessionLimit):
        gives_way(anybody, talking, 3)
