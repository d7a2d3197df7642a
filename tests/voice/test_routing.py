"""Which of two routes a session takes when one of them fails."""

from appliance.circuit_breaker import RETRY_SECONDS
from appliance.voice.routing import Routes


def test_a_route_is_left_for_the_other_and_comes_back_in_time() -> None:
    both = frozenset({"local", "realtime"})
    routes = Routes("local", both)
    assert routes.failed(100.0)
    assert routes.current == "realtime"
    assert not routes.comes_back(100.0 + RETRY_SECONDS[0] - 1)
    assert routes.comes_back(100.0 + RETRY_SECONDS[0])
    assert routes.current == "local"
    # It fails again at once: it is left for longer.
    assert routes.failed(116.0)
    assert not routes.comes_back(116.0 + RETRY_SECONDS[0])
    assert routes.comes_back(116.0 + RETRY_SECONDS[1])


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
        assert routes.failed(101.0 + RETRY_SECONDS[0])
        assert routes.current == "realtime"


def test_without_leave_there_is_one_route() -> None:
    routes = Routes("local", frozenset({"local"}))
    assert not routes.failed(100.0)
    assert not routes.comes_back(10_000.0)
    assert routes.current == "local"
