from appliance.models.download import pause_before_retry, retry_after


def test_pauses_grow_to_a_limit_and_last_as_long_as_the_server_asks() -> None:
    assert [pause_before_retry(n, None) for n in range(8)] == [0.5, 0.5, 1, 2, 4, 8, 8, 8]
    assert pause_before_retry(1, 30) == 30
    assert pause_before_retry(5, 1) == 8


def test_retry_after_as_seconds_and_as_a_date_by_the_servers_clock() -> None:
    date = {"Date": "Sun, 01 Mar 2026 12:00:00 GMT"}
    assert retry_after({"Retry-After": "12"}) == 12
    assert retry_after({"Retry-After": "Sun, 01 Mar 2026 12:01:00 GMT", **date}) == 60
    assert retry_after({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT", **date}) == 0
    assert retry_after({"Retry-After": "Sun, 01 Mar 2026 12:01:00 GMT"}) is None
    assert retry_after({"Retry-After": "soon", **date}) is None
    assert retry_after({}) is None
