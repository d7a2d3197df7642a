"""A rule that is new or stricter deletes a day after it first finds something; then every night."""

from datetime import datetime, timedelta, timezone

import pytest

from appliance.store.retention_rules import (
    GRACE_SECONDS,
    RetentionKind,
    RuleState,
    is_due,
    next_states,
)

KIND = RetentionKind.CONVERSATIONS
ZONE = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("known", "days", "found", "grace"),
    [
        (None, 30, 0, None),
        (None, 30, 2, GRACE_SECONDS),
        (RuleState(30), 30, 0, None),
        (RuleState(30), 30, 1, GRACE_SECONDS),
        (RuleState(30, 7200.0), 30, 1, 3600.0),
        (RuleState(30, 7200.0), 30, 0, 3600.0),
        (RuleState(30, 10.0), 30, 1, 0.0),
        (RuleState(30, 0.0), 60, 1, 0.0),  # longer: what goes would have gone before
        (RuleState(30, 0.0), 20, 1, GRACE_SECONDS),
        (RuleState(30, 0.0), 20, 0, None),
    ],
)
def test_a_rule_from_one_search_to_the_next(
    known: RuleState | None, days: float, found: int, grace: float | None
) -> None:
    before = {} if known is None else {KIND: known}
    after = next_states(before, {KIND: days}, {KIND: found}, elapsed=3600.0)
    assert after == {KIND: RuleState(days, grace)}


def test_a_rule_that_is_taken_back_begins_anew() -> None:
    assert next_states({KIND: RuleState(30, 0.0)}, {}, {KIND: 5}, elapsed=1.0) == {}


@pytest.mark.parametrize(
    ("now", "last_run", "due"),
    [
        ((10, 2, 59), (9, 3, 0), False),
        ((10, 3, 0), (9, 3, 0), True),
        ((10, 3, 1), (10, 3, 0), False),
        ((10, 12, 0), (9, 3, 0), True),  # it was off in the night
        ((10, 1, 0), (8, 3, 0), True),
        ((10, 12, 0), (20, 3, 0), True),  # the clock was set back
    ],
)
def test_the_hour_of_a_run(
    now: tuple[int, int, int], last_run: tuple[int, int, int], due: bool
) -> None:
    last = datetime(2027, 3, *last_run, tzinfo=ZONE).timestamp()
    assert is_due(datetime(2027, 3, *now, tzinfo=ZONE), last, hour=3) is due
