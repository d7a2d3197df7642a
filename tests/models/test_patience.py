from datetime import UTC, datetime

from appliance.models.patience import pause, wished

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_pauses_grow_to_a_limit_and_grant_what_was_asked_for() -> None:
    assert [pause(n, None) for n in range(8)] == [0.5, 0.5, 1, 2, 4, 8, 8, 8]
    assert pause(1, 30) == 30
    assert pause(5, 1) == 8


def test_retry_after_as_seconds_and_as_a_date() -> None:
    assert wished({"Retry-After": "12"}, NOW) == 12
    assert wished({"Retry-After": "Sun, 01 Mar 2026 12:01:00 GMT"}, NOW) == 60
    assert wished({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, NOW) == 0
    assert wished({"Retry-After": "soon"}, NOW) is None
    assert wished({}, NOW) is None
