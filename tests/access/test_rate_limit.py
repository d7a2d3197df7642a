"""Token buckets grant no more than capacity and time allow, alone and by key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.access.rate_limit import RateLimiter, TokenBucket

RATES = st.floats(0.01, 100)
BURSTS = st.integers(1, 20)


@given(RATES, BURSTS, st.lists(st.floats(0, 10), max_size=60))
def test_no_more_than_the_burst_and_the_rate(rate: float, burst: int, gaps: list[float]) -> None:
    limiter, now, taken = RateLimiter(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        taken += limiter.take("a", now) == 0
        assert taken <= burst + now * rate + 1e-3


@given(RATES, BURSTS)
def test_the_burst_is_free_and_the_wait_is_true(rate: float, burst: int) -> None:
    limiter = RateLimiter(rate, burst)
    assert [limiter.take("a", 5) for _ in range(burst)] == [0] * burst
    wait = limiter.take("a", 5)
    assert 0 < wait <= 1 / rate
    assert limiter.take("a", 5 + wait * 0.9) > 0
    assert limiter.take("a", 5 + wait) == 0
    assert limiter.take("a", 5 + wait) > 0


def test_keys_do_not_share_and_time_never_runs_backwards() -> None:
    limiter = RateLimiter(1, 1)
    assert limiter.take("a", 10) == 0
    assert limiter.take("b", 10) == 0
    assert limiter.take("a", 3) == pytest.approx(1)
    assert limiter.take("a", 10.5) == pytest.approx(0.5)


def test_memory_is_bounded_and_the_latest_are_remembered() -> None:
    limiter = RateLimiter(1, 1, keys=10)
    for number in range(1000):
        limiter.take(str(number), 0)
    assert len(limiter) == 10
    assert limiter.take("999", 0) > 0


@pytest.mark.parametrize(("rate", "burst", "keys"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_limit_that_lets_nobody_in_is_refused(rate: float, burst: int, keys: int) -> None:
    with pytest.raises(ValueError):
        RateLimiter(rate, burst, keys)


@given(st.lists(st.floats(0.0, 2.0), max_size=100), st.lists(st.floats(0.0, 1.0), max_size=100))
def test_no_more_is_granted_than_capacity_and_time_allow(
    amounts: list[float], pauses: list[float]
) -> None:
    bucket, now, granted = TokenBucket(capacity=3.0, rate=1.0), 50.0, 0.0
    for amount, pause in zip(amounts, pauses, strict=False):
        now += pause
        if bucket.take(amount, now):
            granted += amount
        assert granted <= 3.0 + (now - 50.0) + 1e-6


def test_real_time_audio_is_always_granted() -> None:
    bucket = TokenBucket(capacity=3.0)
    assert all(bucket.take(0.02, n * 0.02) for n in range(10_000))


@given(st.lists(st.floats(0.0, 0.1), min_size=1, max_size=200))
def test_borrowing_and_waiting_keeps_to_the_rate(pauses: list[float]) -> None:
    bucket, now = TokenBucket(capacity=10.0, rate=20.0), 50.0
    for count, pause in enumerate(pauses, start=1):
        now += pause
        now += bucket.borrow(1, now)
        assert count <= 10.0 + 20.0 * (now - 50.0) + 1e-6


def test_borrowing_at_the_rate_needs_no_wait() -> None:
    bucket = TokenBucket(capacity=10.0, rate=20.0)
    assert all(bucket.borrow(1, n * 0.05) == 0.0 for n in range(1_000))


def test_a_clock_that_jumps_back_takes_nothing_away() -> None:
    bucket = TokenBucket(capacity=1.0)
    assert bucket.take(0.5, 100.0)
    assert bucket.take(0.5, 50.0)
    assert not bucket.take(0.5, 50.0)
