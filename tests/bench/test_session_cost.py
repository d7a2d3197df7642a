"""The number of sessions that a server sustains."""

import pytest

from appliance.bench.session_cost import RampStep, is_sustained, max_sustained_sessions
from appliance.bench.statistics import Spread


def step(sessions: int, p95: float | None, late: int = 0) -> RampStep:
    audio = None if p95 is None else Spread(8, p95 / 2, p95, p95 / 3, p95)
    return RampStep(sessions, 8, late, audio, 0.5, 0.2)


ALONE = step(1, 500)


@pytest.mark.parametrize(
    ("measured", "sustained"),
    [
        (step(8, 999), True),
        (step(8, 1000), True),
        (step(8, 1001), False),
        (step(8, 600, late=1), False),
        (step(8, None), False),
    ],
)
def test_sessions_are_sustained_until_the_95th_percentile_doubles(
    measured: RampStep, sustained: bool
) -> None:
    assert is_sustained(measured, ALONE) == sustained


def test_the_most_sessions_that_were_sustained() -> None:
    assert max_sustained_sessions([ALONE, step(8, 600), step(16, 900), step(24, 2000)]) == 16
    assert max_sustained_sessions([ALONE]) == 1
    assert max_sustained_sessions([step(1, 500, late=1)]) == 0
    assert max_sustained_sessions([]) == 0


def test_nothing_is_sustained_where_one_session_got_no_answer() -> None:
    assert not is_sustained(step(8, 600), step(1, None))
