"""Tokens, roles and the one-time tickets of sessions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.tokens import (
    REMEMBERED_TICKETS,
    Role,
    SessionTickets,
    new_token,
    reaches,
    role_for_pairing,
    token_hash,
)
from appliance.errors import NotPaired, SessionTaken, SessionUnknown


def test_each_role_has_the_rights_of_those_below_it() -> None:
    reached = {role: [minimum for minimum in Role if reaches(role, minimum)] for role in Role}
    assert reached == {
        Role.GUEST: [Role.GUEST],
        Role.USER: [Role.GUEST, Role.USER],
        Role.ADMIN: [Role.GUEST, Role.USER, Role.ADMIN],
    }


@given(st.text().filter(lambda role: role not in set(Role)), st.sampled_from(Role))
def test_an_unknown_role_has_no_rights(role: str, minimum: Role) -> None:
    assert not reaches(role, minimum)


def test_the_first_pairing_makes_the_administrator() -> None:
    assert role_for_pairing(None, anybody=False) is Role.ADMIN
    assert role_for_pairing(None, anybody=True) is Role.USER
    assert role_for_pairing(Role.GUEST, anybody=False) is Role.GUEST
    assert role_for_pairing(Role.ADMIN, anybody=True) is Role.ADMIN


def test_tokens_are_long_and_differ() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43


@given(st.text())
def test_any_text_has_a_hash_of_fixed_length(token: str) -> None:
    assert len(token_hash(token)) == 64
    assert token_hash(token) == token_hash(token) != token_hash(token + "x")


def test_the_hash_is_plain_sha_256() -> None:
    assert token_hash("abc").startswith("ba7816bf8f01cfea")


@given(st.text(), st.floats(1, 1e4), st.floats(0, 0.99))
def test_a_ticket_opens_its_session_once(session: str, seconds: float, share: float) -> None:
    tickets = SessionTickets(seconds)
    token = tickets.issue(session, "client", 100)
    tickets.redeem(session, "client", token, 100 + seconds * share)
    with pytest.raises(SessionTaken):
        tickets.redeem(session, "client", token, 100 + seconds * share)


@given(st.text())
def test_a_wrong_token_opens_nothing_and_leaves_the_ticket_valid(guess: str) -> None:
    tickets = SessionTickets()
    token = tickets.issue("s", "client", 0)
    for _ in range(3):
        with pytest.raises(NotPaired, match="wrong"):
            tickets.redeem("s", "client", guess, 1)
    tickets.redeem("s", "client", token, 1)


def test_a_ticket_of_another_session_is_wrong() -> None:
    tickets = SessionTickets()
    tickets.issue("a", "client", 0)
    token = tickets.issue("b", "client", 0)
    with pytest.raises(NotPaired):
        tickets.redeem("a", "client", token, 1)


def test_a_ticket_expires() -> None:
    tickets = SessionTickets(30)
    token = tickets.issue("s", "client", 0)
    with pytest.raises(NotPaired, match="expired"):
        tickets.redeem("s", "client", token, 30)


def test_a_session_that_is_over_is_unknown() -> None:
    tickets = SessionTickets()
    token = tickets.issue("s", "client", 0)
    tickets.forget("s")
    tickets.forget("s")
    with pytest.raises(SessionUnknown):
        tickets.redeem("s", "client", token, 1)


def test_a_new_ticket_voids_the_old_one() -> None:
    tickets = SessionTickets()
    old, new = tickets.issue("s", "client", 0), tickets.issue("s", "client", 0)
    with pytest.raises(NotPaired):
        tickets.redeem("s", "client", old, 1)
    tickets.redeem("s", "client", new, 1)


def test_memory_is_bounded() -> None:
    tickets = SessionTickets()
    first = tickets.issue("first", "client", 0)
    for number in range(REMEMBERED_TICKETS):
        tickets.issue(str(number), "client", 0)
    with pytest.raises(SessionUnknown):
        tickets.redeem("first", "client", first, 0)


def test_a_ticket_of_another_client_is_like_that_of_no_session() -> None:
    tickets = SessionTickets()
    token = tickets.issue("s", "mine", 0)
    for session in ("s", "none"):
        with pytest.raises(SessionUnknown) as refusal:
            tickets.redeem(session, "other", token, 1)
        assert refusal.value.message == SessionUnknown().message
    tickets.redeem("s", "mine", token, 1)


def test_a_program_with_the_ticket_alone_learns_of_no_session() -> None:
    tickets = SessionTickets()
    token = tickets.issue("s", "client", 0)
    for session in ("s", "none"):
        with pytest.raises(NotPaired, match="wrong"):
            tickets.redeem(session, None, "guess", 1)
    tickets.redeem("s", None, token, 1)
