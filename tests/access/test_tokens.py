from hypothesis import given
from hypothesis import strategies as st

from appliance.access.tokens import (
    Action,
    Role,
    allows,
    new_token,
    role_for_pairing,
    token_hash,
)


def test_each_role_may_do_what_the_one_below_may() -> None:
    allowed = [{action for action in Action if allows(role, action)} for role in Role]
    assert allowed == [
        {Action.TALK},
        {Action.TALK, Action.OWN_HISTORY, Action.STATUS},
        set(Action),
    ]


@given(st.text().filter(lambda role: role not in set(Role)), st.sampled_from(Action))
def test_an_unknown_role_may_do_nothing(role: str, action: Action) -> None:
    assert not allows(role, action)


def test_the_first_pairing_makes_the_administrator() -> None:
    assert role_for_pairing(None, admin_exists=False) is Role.ADMIN
    assert role_for_pairing(None, admin_exists=True) is Role.USER
    assert role_for_pairing(Role.GUEST, admin_exists=False) is Role.GUEST


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
