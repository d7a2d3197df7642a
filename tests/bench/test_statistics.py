"""Percentiles, spreads and ratios, compared with their definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.bench.statistics import Spread, per_session, percentile, ratio, spread

MEASURED = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)
SHARE = st.floats(0.01, 1)


@given(MEASURED, SHARE)
def test_a_percentile_was_measured_and_so_many_are_no_larger(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    below = sum(value < found for value in values) / len(values)
    at_most = sum(value <= found for value in values) / len(values)
    assert below < share <= at_most + 1e-9


def test_percentiles_of_twenty_turns() -> None:
    turns = [float(value) for value in range(20, 0, -1)]
    assert [percentile(turns, share) for share in (0.5, 0.95, 1)] == [10, 19, 20]


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0), ([1.0], 1.1)])
def test_arguments_without_a_percentile(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, share)


@given(MEASURED)
def test_a_spread_is_in_order(values: list[float]) -> None:
    found = spread(iter(values))
    assert found is not None
    assert found.least <= found.p50 <= found.p95 <= found.most
    assert found.count == len(values)


def test_nothing_measured_has_neither_spread_nor_ratio() -> None:
    assert spread([]) is None
    assert ratio(None, spread([1.0])) is None
    assert ratio(spread([1.0]), None) is None


def test_a_ratio_of_spreads() -> None:
    base, other = Spread(20, 100, 200, 50, 300), Spread(60, 150, 300, 60, 900)
    found = ratio(other, base)
    assert found is not None
    assert (found.p50, found.p95, found.most) == (1.5, 1.5, 3)


def test_the_cost_of_a_session() -> None:
    assert per_session(with_sessions=390, without=300, added=9) == 10
