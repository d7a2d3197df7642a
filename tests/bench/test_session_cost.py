"""How many sessions are too many."""

import pytest

from appliance.bench.session_cost import Load, carried, holds
from appliance.bench.statistics import Spread


def load(sessions: int, p95: float | None, late: int = 0) -> Load:
    audio = None if p95 is None else Spread(8, p95 / 2, p95, p95 / 3, p95)
    return Load(sessions, 8, late, audio, 0.5, 0.2)


ALONE = load(1, 500)


@pytest.mark.parametrize(
    ("measured", "held"),
    [
        (load(8, 999), True),
        (load(8, 1000), True),
        (load(8, 1001), False),
        (load(8, 600, late=1), False),
        (load(8, None), False),
    ],
)
def test_a_crowd_holds_until_its_tail_takes_twice_the_time(measured: Load, held: bool) -> None:
    assert holds(measured, ALONE) == held


def test_the_most_that_held_are_carried() -> None:
    assert carried([ALONE, load(8, 600), load(16, 900), load(24, 2000)]) == 16
    assert carried([ALONE]) == 1
    assert carried([load(1, 500, late=1)]) == 0
    assert carried([]) == 0


def test_nothing_holds_where_one_alone_was_not_heard() -> None:
    assert not holds(load(8, 600), load(1, None))
