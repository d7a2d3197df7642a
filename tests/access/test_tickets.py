import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.tickets import REMEMBERED, Tickets
from appliance.errors import NotPaired, SessionTaken, SessionUnknown


@given(st.text(), st.floats(1, 1e4), st.floats(0, 0.99))
def test_a_ticket_opens_its_session_once(session: str, seconds: float, share: float) -> None:
    tickets = Tickets(seconds)
    token = tickets.issue(session, 100)
    tickets.redeem(session, token, 100 + seconds * share)
    with pytest.raises(SessionTaken):
        tickets.redeem(session, token, 100 + seconds * share)


@given(st.text())
def test_a_wrong_token_opens_nothing_and_spoils_nothing(guess: str) -> None:
    tickets = Tickets()
    token = tickets.issue("s", 0)
    for _ in range(3):
        with pytest.raises(NotPaired, match="wrong"):
            tickets.redeem("s", guess, 1)
    tickets.redeem("s", token, 1)


def test_a_ticket_of_another_session_is_wrong() -> None:
    tickets = Tickets()
    tickets.issue("a", 0)
    token = tickets.issue("b", 0)
    with pytest.raises(NotPaired):
        tickets.redeem("a", token, 1)


def test_a_ticket_expires() -> None:
    tickets = Tickets(30)
    token = tickets.issue("s", 0)
    with pytest.raises(NotPaired, match="expired"):
        tickets.redeem("s", token, 30)


def test_a_session_that_is_over_is_unknown() -> None:
    tickets = Tickets()
    token = tickets.issue("s", 0)
    tickets.forget("s")
    tickets.forget("s")
    with pytest.raises(SessionUnknown):
        tickets.redeem("s", token, 1)


def test_a_new_ticket_voids_the_old_one() -> None:
    tickets = Tickets()
    old, new = tickets.issue("s", 0), tickets.issue("s", 0)
    with pytest.raises(NotPaired):
        tickets.redeem("s", old, 1)
    tickets.redeem("s", new, 1)


def test_memory_is_bounded() -> None:
    tickets = Tickets()
    first = tickets.issue("first", 0)
    for number in range(REMEMBERED):
        tickets.issue(str(number), 0)
    with pytest.raises(SessionUnknown):
        tickets.redeem("first", first, 0)
