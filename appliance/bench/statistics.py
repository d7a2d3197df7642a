"""What is made of many measurements. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` of all do not exceed.

    Always a value that was measured, never one between two; of 20 values the 95th percentile is
    the 19th. `share` is above 0 and at most 1. Raises ValueError for no values.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile takes values, and a share above 0 and at most 1")
    # 0.95 * 20 is a hair above 19 in binary, and must not become the 20th.
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measure is spread, in its own unit."""

    count: int
    p50: float
    p95: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread | None:
    """None where nothing was measured."""
    kept = list(values)
    if not kept:
        return None
    return Spread(len(kept), percentile(kept, 0.5), percentile(kept, 0.95), min(kept), max(kept))


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times slower the crowd is than one alone, measure by measure."""

    p50: float
    p95: float
    most: float


def ratio(crowd: Spread | None, alone: Spread | None) -> Ratio | None:
    """None where either was not measured."""
    if crowd is None or alone is None:
        return None
    return Ratio(crowd.p50 / alone.p50, crowd.p95 / alone.p95, crowd.most / alone.most)


def per_session(crowd: int, alone: int, added: int) -> float:
    """Bytes that each of `added` sessions costs, from the resident memory with and without."""
    return (crowd - alone) / added
