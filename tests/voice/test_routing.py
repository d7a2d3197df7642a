"""The choice between two routes when one of them fails."""

from appliance.circuit_breaker import RETRY_SECONDS
from appliance.voice.routing import RouteChoice


def test_a_route_is_left_for_the_other_and_comes_back_in_time() -> None:
    both = frozenset({"local", "realtime"})
    choice = RouteChoice("local", both)
    assert choice.switch_after_failure(100.0)
    assert choice.current == "realtime"
    assert not choice.return_if_due(100.0 + RETRY_SECONDS[0] - 1)
    assert choice.return_if_due(100.0 + RETRY_SECONDS[0])
    assert choice.current == "local"
    # A failure at once after the return makes the next pause longer.
    assert choice.switch_after_failure(116.0)
    assert not choice.return_if_due(116.0 + RETRY_SECONDS[0])
    assert choice.return_if_due(116.0 + RETRY_SECONDS[1])


def test_where_both_fail_the_local_route_keeps_the_session() -> None:
    for preferred in ("local", "realtime"):
        choice = RouteChoice(preferred, frozenset({"local", "realtime"}))
        if preferred == "local":
            assert choice.switch_after_failure(100.0)
        assert choice.switch_after_failure(101.0)
        assert choice.current == "local"
        assert not choice.switch_after_failure(102.0)
        assert choice.current == "local"
        # Unless the other one may work again by now.
        assert choice.switch_after_failure(101.0 + RETRY_SECONDS[0])
        assert choice.current == "realtime"


def test_a_route_that_is_not_allowed_is_not_taken() -> None:
    choice = RouteChoice("local", frozenset({"local"}))
    assert not choice.switch_after_failure(100.0)
    assert not choice.return_if_due(10_000.0)
    assert choice.current == "local"
