"""Pairing codes: used once, spoiled by wrong tries, with a growing penalty by address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.pairing import (
    ADDRESSES,
    ALL_TRIES,
    FREE_TRIES,
    LONGEST_WAIT,
    OPEN_CODES,
    TRIES,
    Pairing,
    client_network,
)
from appliance.access.tokens import Role
from appliance.errors import PairingRefused, TooManyRequests


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


def spoil(pairing: Pairing, code: str, address: str, now: float) -> None:
    with pytest.raises(PairingRefused):
        pairing.redeem(code, address, now)


def slip(pairing: Pairing, address: str, now: float) -> None:
    """Uses up the wrong codes that cost no wait."""
    for _ in range(FREE_TRIES):
        spoil(pairing, "x", address, now)


@given(st.sampled_from(Role), st.floats(1, 1e4), st.floats(0, 0.99), st.floats(0, 1e9))
def test_the_right_code_works_once(role: Role, ttl: float, share: float, start: float) -> None:
    pairing = Pairing()
    code = pairing.new_code(role, ttl, start).digits
    assert len(code) == 8
    assert code.isdecimal()
    assert pairing.redeem(code, "10.0.0.1", start + ttl * share) is role
    spoil(pairing, code, "10.0.0.1", start + ttl * share)


def test_spaces_and_dashes_in_a_code_are_ignored() -> None:
    pairing = Pairing()
    code = pairing.new_code(Role.USER, 300, 0).digits
    assert pairing.redeem(f" {code[:4]}-{code[4:]} ", "10.0.0.1", 1) is Role.USER


def test_an_expired_a_revoked_and_a_replaced_code_do_not_work() -> None:
    pairing = Pairing()
    old = pairing.new_code(Role.USER, 300, 0).digits
    spoil(pairing, old, "10.0.0.1", 300)
    revoked = pairing.new_code(Role.ADMIN, 300, 1000)
    assert pairing.revoke(revoked.id, 1000)
    assert not pairing.revoke(revoked.id, 1000)
    spoil(pairing, revoked.digits, "10.0.0.2", 1001)
    replaced, *kept = [pairing.new_code(Role.USER, 300, 1000) for _ in range(OPEN_CODES + 1)]
    spoil(pairing, replaced.digits, "10.0.0.3", 1001)
    assert [code.id for code in pairing.open_codes(1001)] == [code.id for code in kept]


def test_each_open_code_comes_with_its_own_role() -> None:
    pairing = Pairing()
    codes = [pairing.new_code(role, 300, 0) for role in Role]
    assert [code.expires_in for code in pairing.open_codes(100)] == [200] * len(Role)
    for code in reversed(codes):
        assert pairing.redeem(code.digits, "10.0.0.1", 1) is code.role
    assert pairing.open_codes(1) == []


def test_a_wrong_code_does_not_keep_the_right_one_waiting() -> None:
    pairing = Pairing()
    code = pairing.new_code(Role.USER, 300, 0).digits
    spoil(pairing, wrong(code), "10.0.0.1", 0)
    assert pairing.redeem(code, "10.0.0.1", 0) is Role.USER


@given(st.floats(0, 1.99))
def test_a_wait_is_told_in_whole_seconds_rounded_up(later: float) -> None:
    pairing = Pairing()
    slip(pairing, "10.0.0.1", 0)
    spoil(pairing, "x", "10.0.0.1", 0)
    with pytest.raises(TooManyRequests) as refusal:
        pairing.redeem("x", "10.0.0.1", later)
    assert ("2 seconds" if later < 1 else "1 second,") in refusal.value.advice


@given(st.lists(st.text(), min_size=TRIES, max_size=TRIES))
def test_five_wrong_tries_of_an_address_spoil_every_open_code_for_it_alone(
    guesses: list[str],
) -> None:
    pairing, now = Pairing(), 0.0
    pairing.new_code(Role.ADMIN, 1e6, 0)
    code = pairing.new_code(Role.USER, 1e6, 0).digits
    for guess in guesses:
        spoil(pairing, "x" if guess.replace(" ", "") == code else guess, "10.0.0.1", now)
        now += LONGEST_WAIT
    spoil(pairing, code, "10.0.0.1", now)
    assert pairing.redeem(code, "10.0.0.2", now) is Role.USER


@given(st.lists(st.integers(1, 254), min_size=TRIES, max_size=ALL_TRIES - 1, unique=True))
def test_wrong_codes_of_strangers_do_not_spoil_the_owners(strangers: list[int]) -> None:
    pairing = Pairing()
    code = pairing.new_code(Role.USER, 300, 0).digits
    for number in strangers:
        spoil(pairing, wrong(code), f"10.0.0.{number}", 0)
    assert pairing.redeem(code, "10.0.1.1", 0) is Role.USER


def test_too_many_wrong_codes_from_anywhere_burn_every_open_code() -> None:
    pairing = Pairing()
    pairing.new_code(Role.ADMIN, 300, 0)
    code = pairing.new_code(Role.USER, 300, 0).digits
    for number in range(ALL_TRIES):
        assert len(pairing.open_codes(0)) == 2
        spoil(pairing, wrong(code), f"10.0.{number // 250}.{number % 250}", 0)
    assert pairing.open_codes(0) == []
    spoil(pairing, code, "10.1.1.1", 0)


@given(st.integers(1, 30))
def test_the_penalty_of_an_address_doubles_each_time(times: int) -> None:
    pairing = Pairing()
    now = 0.0
    slip(pairing, "10.0.0.1", now)
    for number in range(1, times + 1):
        spoil(pairing, "00000000", "10.0.0.1", now)
        wait = min(2.0**number, LONGEST_WAIT)
        code = pairing.new_code(Role.USER, 1e6, now).digits
        with pytest.raises(TooManyRequests) as refusal:
            pairing.redeem(code, "10.0.0.1", now + wait * 0.99)
        assert refusal.value.retry_after == pytest.approx(wait * 0.01)
        now += wait
        for one in pairing.open_codes(now):
            pairing.revoke(one.id, now)
    code = pairing.new_code(Role.USER, 300, now).digits
    assert pairing.redeem(code, "10.0.0.1", now) is Role.USER


def test_tries_during_a_penalty_do_not_count_and_other_addresses_do_not_wait() -> None:
    pairing = Pairing()
    slip(pairing, "10.0.0.1", 0)
    code = pairing.new_code(Role.USER, 300, 0).digits
    spoil(pairing, wrong(code), "10.0.0.1", 0)
    for _ in range(2 * TRIES):
        with pytest.raises(TooManyRequests):
            pairing.redeem(wrong(code), "10.0.0.1", 1)
    assert pairing.redeem(code, "10.0.0.2", 1) is Role.USER


def test_a_penalty_is_forgotten_in_time_or_after_the_right_code() -> None:
    for forgiven_by_code in (True, False):
        pairing = Pairing()
        slip(pairing, "10.0.0.1", 0)
        code = pairing.new_code(Role.USER, 1e6, 0).digits
        spoil(pairing, wrong(code), "10.0.0.1", 0)
        now = 2.0
        if forgiven_by_code:
            pairing.redeem(code, "10.0.0.1", now)
        else:
            now = 1000.0
        slip(pairing, "10.0.0.1", now)
        spoil(pairing, "x", "10.0.0.1", now)
        with pytest.raises(TooManyRequests) as refusal:
            pairing.redeem("x", "10.0.0.1", now)
        assert refusal.value.retry_after == pytest.approx(2)


def test_the_number_of_remembered_addresses_is_bounded() -> None:
    pairing = Pairing()
    for number in range(ADDRESSES + 10):
        spoil(pairing, "0", f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", 0)
    assert len(pairing._penalties) == ADDRESSES


def test_addresses_of_one_ipv6_network_count_as_one() -> None:
    assert client_network("fe80::1%eth0") == client_network("fe80::2")
    assert client_network("2001:db8::1") != client_network("2001:db8:0:1::1")
    assert client_network("::ffff:10.0.0.1") == "10.0.0.1"
    assert client_network("unix") == "unix"


def test_another_address_of_the_same_network_waits_too() -> None:
    pairing = Pairing()
    slip(pairing, "fd00::1", 0)
    spoil(pairing, "x", "fd00::1", 0)
    with pytest.raises(TooManyRequests):
        pairing.redeem("x", "fd00::2", 1)
