"""Claims, limits and verdicts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.bench.claims import (
    ClaimRow,
    ComparedPair,
    Limit,
    median_claim,
    missed,
    model_claims,
    tail_claim,
)
from appliance.bench.statistics import Spread

FIGURE = st.floats(0.001, 1e6)
FAST = Spread(20, 400, 500, 390, 520)
SLOW = Spread(20, 800, 900, 700, 990)


@given(FIGURE, FIGURE, FIGURE)
def test_a_limit_is_met_up_to_its_value(ours: float, stock: float, value: float) -> None:
    assert Limit("at most", value).met(ours, stock) == (ours <= value)
    assert Limit("at least", value).met(ours, stock) == (ours >= value)
    assert Limit("of stock at most", value).met(ours, stock) == (ours <= value * stock)


@pytest.mark.parametrize("kind", ["at most", "at least", "of stock at most"])
def test_what_was_not_measured_is_neither_met_nor_missed(kind: str) -> None:
    limit = Limit(kind, 1)  # type: ignore[arg-type]  # every one of them
    assert limit.met(None, 5) is None
    row = ClaimRow("memory", "MB", None, 5, limit)
    assert row.ratio is None
    assert missed([row]) == []


def test_a_share_of_stock_needs_stock() -> None:
    assert Limit("of stock at most", 0.5).met(5, None) is None
    assert Limit("at most", 10).met(5, None) is True


def test_a_median_claim_compares_medians() -> None:
    row = median_claim("first audio", ComparedPair(FAST, SLOW), Limit("of stock at most", 0.5))
    assert (row.ours, row.stock, row.ratio, row.met) == (400, 800, 0.5, True)
    assert (
        median_claim("first audio", ComparedPair(FAST, None), Limit("at most", 1)).note
        == "not measured"
    )


def test_a_tail_claim_divides_the_95th_percentile_by_the_median() -> None:
    row = tail_claim("tail", ComparedPair(FAST, SLOW), 1.2)
    assert (row.ours, row.stock, row.met) == (1.25, 1.125, False)
    assert missed([row]) == [row]
    assert tail_claim("tail", ComparedPair(None, SLOW), 1.2).met is None


def test_a_claim_as_json() -> None:
    kept = json.loads(json.dumps(ClaimRow("crowd", "", 48, 24, Limit("at least", 40)).as_json()))
    assert kept["limit"] == {"kind": "at least", "value": 40}
    assert (kept["ours"], kept["stock"], kept["ratio"], kept["met"]) == (48, 24, 2, True)


def test_a_stock_figure_of_zero_gives_no_ratio() -> None:
    assert ClaimRow("memory", "MB", 1, 0, Limit("at most", 1)).ratio is None


HOLES = ComparedPair(Spread(20, 0, 120, 0, 140), Spread(20, 0, 900, 0, 1400))
STOPPED = ComparedPair(Spread(10, 90, 110, 80, 120), Spread(10, 340, 400, 330, 410))


def test_the_claims_about_models_are_met_at_their_limits() -> None:
    ours, stock = Spread(20, 900, 1350, 700, 1500), Spread(20, 4500, 6000, 4200, 6300)
    rows = model_claims(
        "base", ComparedPair(ours, stock), HOLES, Spread(10, 500, 600, 400, 700), STOPPED
    )
    assert [row.met for row in rows] == [True] * 6
    assert [row.ours for row in rows] == [900, 900, 1.5, 140, 500, 90]


def test_the_claims_about_models_are_missed_beyond_their_limits() -> None:
    ours, stock = Spread(20, 901, 1400, 700, 1500), Spread(20, 4500, 6000, 4200, 6300)
    rows = model_claims(
        "base",
        ComparedPair(ours, stock),
        ComparedPair(Spread(20, 0, 0, 0, 151), None),
        Spread(10, 501, 600, 400, 700),
        ComparedPair(Spread(10, 151, 160, 100, 170), None),
    )
    assert missed(rows) == list(rows)


def test_commands_that_were_not_said_are_an_open_claim() -> None:
    rows = model_claims("random", ComparedPair(FAST, SLOW), HOLES, None, STOPPED)
    [commands] = [row for row in rows if "command" in row.what]
    assert (commands.met, commands.note) == (None, "not measured")
