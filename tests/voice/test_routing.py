"""When an endpoint is left, and when it may be tried again."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.circuit_breaker import ERRORS, PAUSES, WINDOW_SECONDS, CircuitBreaker, order
from appliance.voice.routing import Routes


def test_one_silence_is_enough_and_three_slips_in_a_minute_are() -> None:
    breaker = CircuitBreaker()
    assert breaker.failed(100.0)
    assert not breaker.failed(101.0)
    assert breaker.is_open
    assert breaker.answered(200.0)
    assert not breaker.answered(201.0)
    slips = [breaker.erred(now) for now in (300.0, 359.0, 361.0, 362.0)]
    assert slips == [False, False, False, True]


def test_pauses_grow_until_it_was_well_for_a_while() -> None:
    breaker, now, pauses = CircuitBreaker(), 1000.0, []
    for _ in range(4):
        breaker.failed(now)
        pauses.append(breaker.retry_at - now)
        assert not breaker.is_due(breaker.retry_at - 0.1)
        assert breaker.is_due(breaker.retry_at)
        now = breaker.retry_at
        breaker.answered(now)
    assert pauses == [*PAUSES, PAUSES[-1]]
    now += WINDOW_SECONDS
    breaker.failed(now)
    assert breaker.retry_at - now == PAUSES[0]


@dataclass
class Past:
    """What happened, told in full: what the breaker may be held against."""

    since_well: list[float] = field(default_factory=list)
    failed: bool = False


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.past, self.now = CircuitBreaker(), Past(), 0.0

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def fails(self) -> None:
        self.breaker.failed(self.now)
        self.past.failed = True

    @rule()
    def errs(self) -> None:
        self.past.since_well.append(self.now)
        self.breaker.erred(self.now)

    @rule()
    def answers(self) -> None:
        self.breaker.answered(self.now)
        self.past.failed = False
        if not self.breaker.is_open and self.past.since_well:
            self.past.since_well = self.past.since_well[-(ERRORS - 1) :]

    @invariant()
    def it_is_left_for_a_reason_and_never_for_good(self) -> None:
        if self.past.failed:
            assert self.breaker.is_open
        if self.breaker.is_open:
            assert self.past.failed or len(self.past.since_well) >= ERRORS
            assert self.breaker.retry_at <= self.now + PAUSES[-1]
            assert self.breaker.is_due(self.now + PAUSES[-1])
        else:
            assert not self.breaker.is_due(self.now + PAUSES[-1])


TestAnyHistory = AnyHistory.TestCase

breakers = st.lists(
    st.builds(CircuitBreaker, is_open=st.booleans(), retry_at=st.floats(0, 1000)), max_size=6
)


@given(breakers)
def test_there_is_always_somebody_to_ask_in_the_owners_order(found: list[CircuitBreaker]) -> None:
    asked = order(found)
    assert bool(asked) == bool(found)
    assert asked == sorted(asked)
    closed = [place for place, breaker in enumerate(found) if not breaker.is_open]
    if closed:
        assert asked == closed
    elif found:
        assert found[asked[0]].retry_at == min(breaker.retry_at for breaker in found)


def test_a_route_is_left_for_the_other_and_comes_back_in_time() -> None:
    both = frozenset({"local", "realtime"})
    routes = Routes("local", both)
    assert routes.failed(100.0)
    assert routes.current == "realtime"
    assert not routes.comes_back(100.0 + PAUSES[0] - 1)
    assert routes.comes_back(100.0 + PAUSES[0])
    assert routes.current == "local"
    # It fails again at once: it is left for longer.
    assert routes.failed(116.0)
    assert not routes.comes_back(116.0 + PAUSES[0])
    assert routes.comes_back(116.0 + PAUSES[1])


def test_where_both_fail_the_device_keeps_the_session() -> None:
    for preferred in ("local", "realtime"):
        routes = Routes(preferred, frozenset({"local", "realtime"}))
        if preferred == "local":
            assert routes.failed(100.0)
        assert routes.failed(101.0)
        assert routes.current == "local"
        assert not routes.failed(102.0)
        assert routes.current == "local"
        # Unless the other one may work again by now.
        assert routes.failed(101.0 + PAUSES[0])
        assert routes.current == "realtime"


def test_without_leave_there_is_one_route() -> None:
    routes = Routes("local", frozenset({"local"}))
    assert not routes.failed(100.0)
    assert not routes.comes_back(10_000.0)
    assert routes.current == "local"
