"""Percentiles, spreads and ratios of measurements. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` of all values do not exceed.

    It is always a measured value, never one between two; of 20 values, the 95th percentile is the
    19th. `share` is above 0 and at most 1. Raises ValueError for other shares and for no values.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile takes values, and a share above 0 and at most 1")
    # 0.95 * 20 is a hair above 19 in binary, and must not become the 20th.
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of a measure, in its own unit."""

    count: int
    p50: float
    p95: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of the values; None for no values."""
    kept = list(values)
    if not kept:
        return None
    return Spread(len(kept), percentile(kept, 0.5), percentile(kept, 0.95), min(kept), max(kept))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A spread as multiples of another, measure by measure."""

    p50: float
    p95: float
    most: float


def ratio(spread: Spread | None, base: Spread | None) -> Ratio | None:
    """`spread` as multiples of `base`; None where either was not measured."""
    if spread is None or base is None:
        return None
    return Ratio(spread.p50 / base.p50, spread.p95 / base.p95, spread.most / base.most)


def per_session(with_sessions: int, without: int, added: int) -> float:
    """Bytes that each of `added` sessions costs, from the memory with and without them."""
    return (with_sessions - without) / added
