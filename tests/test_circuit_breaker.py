"""The circuit breaker: when it opens, and when the next attempt is due."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.circuit_breaker import (
    ERROR_LIMIT,
    ERROR_WINDOW_SECONDS,
    RETRY_SECONDS,
    CircuitBreaker,
    attempt_order,
)


def test_opens_at_the_first_failure_and_at_the_third_error_in_a_minute() -> None:
    breaker = CircuitBreaker()
    assert breaker.record_failure(100.0)
    assert not breaker.record_failure(101.0)
    assert breaker.is_open
    assert breaker.record_success(200.0)
    assert not breaker.record_success(201.0)
    opened = [breaker.record_error(now) for now in (300.0, 359.0, 361.0, 362.0)]
    assert opened == [False, False, False, True]


def test_pauses_grow_until_it_has_been_closed_for_a_while() -> None:
    breaker, now, pauses = CircuitBreaker(), 1000.0, []
    for _ in range(4):
        breaker.record_failure(now)
        pauses.append(breaker.retry_at - now)
        assert not breaker.is_due(breaker.retry_at - 0.1)
        assert breaker.is_due(breaker.retry_at)
        now = breaker.retry_at
        breaker.record_success(now)
    assert pauses == [*RETRY_SECONDS, RETRY_SECONDS[-1]]
    now += ERROR_WINDOW_SECONDS
    breaker.record_failure(now)
    assert breaker.retry_at - now == RETRY_SECONDS[0]


@dataclass
class History:
    """Every error and failure so far, for comparison with the breaker."""

    errors: list[float] = field(default_factory=list)
    failed: bool = False


class AnyOrderOfEvents(RuleBasedStateMachine):
    """Failures, errors, successes and time in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.history, self.now = CircuitBreaker(), History(), 0.0

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def fails(self) -> None:
        self.breaker.record_failure(self.now)
        self.history.failed = True

    @rule()
    def errs(self) -> None:
        self.history.errors.append(self.now)
        self.breaker.record_error(self.now)

    @rule()
    def answers(self) -> None:
        self.breaker.record_success(self.now)
        self.history.failed = False
        if not self.breaker.is_open and self.history.errors:
            self.history.errors = self.history.errors[-(ERROR_LIMIT - 1) :]

    @invariant()
    def it_is_open_for_a_reason_and_never_for_good(self) -> None:
        if self.history.failed:
            assert self.breaker.is_open
        if self.breaker.is_open:
            assert self.history.failed or len(self.history.errors) >= ERROR_LIMIT
            assert self.breaker.retry_at <= self.now + RETRY_SECONDS[-1]
            assert self.breaker.is_due(self.now + RETRY_SECONDS[-1])
        else:
            assert not self.breaker.is_due(self.now + RETRY_SECONDS[-1])


TestAnyOrderOfEvents = AnyOrderOfEvents.TestCase

breakers = st.lists(
    st.builds(CircuitBreaker, is_open=st.booleans(), retry_at=st.floats(0, 1000)), max_size=6
)


@given(breakers)
def test_there_is_always_one_to_try_and_the_order_is_kept(found: list[CircuitBreaker]) -> None:
    tried = attempt_order(found)
    assert bool(tried) == bool(found)
    assert tried == sorted(tried)
    closed = [index for index, breaker in enumerate(found) if not breaker.is_open]
    if closed:
        assert tried == closed
    elif found:
        assert found[tried[0]].retry_at == min(breaker.retry_at for breaker in found)


def test_after_a_permanent_failure_nothing_is_tried_again() -> None:
    breaker = CircuitBreaker(retry_seconds=(60.0, 300.0), stable_seconds=300.0)
    assert breaker.record_failure(0.0)
    assert breaker.retry_at == 60.0
    assert not breaker.record_failure(60.0, permanent=True)
    assert not breaker.is_due(1e9)
    assert breaker.record_success(1e9)
