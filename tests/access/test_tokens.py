from hypothesis import given
from hypothesis import strategies as st

from appliance.access.tokens import Role, new_token, reaches, role_for_pairing, token_hash


def test_each_role_may_do_what_the_one_below_may() -> None:
    reached = {role: [least for least in Role if reaches(role, least)] for role in Role}
    assert reached == {
        Role.GUEST: [Role.GUEST],
        Role.USER: [Role.GUEST, Role.USER],
        Role.ADMIN: [Role.GUEST, Role.USER, Role.ADMIN],
    }


@given(st.text().filter(lambda role: role not in set(Role)), st.sampled_from(Role))
def test_an_unknown_role_may_do_nothing(role: str, least: Role) -> None:
    assert not reaches(role, least)


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
def test_a_hash_tells_nothing_and_never_fails(token: str) -> None:
    assert len(token_hash(token)) == 64
    assert token_hash(token) == token_hash(token) != token_hash(token + "x")


def test_the_hash_is_plain_sha_256() -> None:
    assert token_hash("abc").startswith("ba7816bf8f01cfea")
