"""The stall clock: blocked time counts, computing little, waiting for a processor nothing."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.stall_clock import COMPUTING_WEIGHT, StallClock
from appliance.hardware.processor_time import ProcessorTime

START = 100.0
SECONDS = st.floats(0.0, 20.0)
INTERVALS = st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=1, max_size=12)
"""For each: its length, and what the threads computed and waited in it."""


def readings(intervals: list[tuple[float, float, float]], *, known: bool = True) -> list[float]:
    """What a clock reads at the end of each interval of one piece of work."""
    clock = StallClock()
    clock.read(START, START, ProcessorTime())
    ends = accumulate((length for length, _, _ in intervals), initial=START)
    totals = [
        ProcessorTime(*pair)
        for pair in zip(
            accumulate(computing for _, computing, _ in intervals),
            accumulate(waiting for _, _, waiting in intervals),
            strict=True,
        )
    ]
    return [
        clock.read(end, START, total if known else None)
        for end, total in zip(list(ends)[1:], totals, strict=True)
    ]


@pytest.mark.parametrize(
    ("computing", "waiting", "counted"),
    [
        (0.0, 0.0, 8.0),
        (0.0, 8.0, 0.0),
        (8.0, 0.0, 8.0 * COMPUTING_WEIGHT),
        (2.0, 4.0, 2.0 + 2.0 * COMPUTING_WEIGHT),
        # Eight threads, half of whose time was spent in the queue.
        (32.0, 32.0, 4.0 * COMPUTING_WEIGHT),
    ],
)
def test_a_second_counts_by_what_the_threads_did(
    computing: float, waiting: float, counted: float
) -> None:
    assert readings([(8.0, computing, waiting)]) == [pytest.approx(counted)]


@given(INTERVALS)
def test_it_never_runs_backwards_or_ahead_of_the_wall_clock(
    intervals: list[tuple[float, float, float]],
) -> None:
    read = readings(intervals)
    walls = list(accumulate(length for length, _, _ in intervals))
    assert read == sorted(read)
    assert all(0 <= each <= wall + 1e-6 for each, wall in zip(read, walls, strict=True))


@given(INTERVALS)
def test_without_measures_it_is_the_wall_clock(
    intervals: list[tuple[float, float, float]],
) -> None:
    walls = list(accumulate(length for length, _, _ in intervals))
    assert readings(intervals, known=False) == pytest.approx(walls, abs=1e-6)


@given(st.lists(st.floats(0.1, 5.0), min_size=1, max_size=12))
def test_work_that_only_waits_for_a_processor_never_stalls(lengths: list[float]) -> None:
    assert readings([(length, 0.0, length * 1.01) for length in lengths])[-1] == 0


@given(INTERVALS)
def test_getting_more_of_the_processors_never_looks_more_stalled_than_being_blocked(
    intervals: list[tuple[float, float, float]],
) -> None:
    blocked = readings([(length, 0.0, 0.0) for length, _, _ in intervals])
    assert all(a <= b + 1e-6 for a, b in zip(readings(intervals), blocked, strict=True))


@given(INTERVALS)
def test_progress_starts_it_again(intervals: list[tuple[float, float, float]]) -> None:
    clock = StallClock()
    now = START
    for length, computing, waiting in intervals:
        now += length
        clock.read(now, START, ProcessorTime(computing, waiting))
    assert clock.read(now, now, ProcessorTime()) == 0
    assert clock.read(now + 3.0, now, ProcessorTime()) == pytest.approx(3.0)


def test_the_time_between_two_pieces_of_work_does_not_count() -> None:
    clock = StallClock()
    clock.read(START, START, ProcessorTime())
    assert clock.read(START + 60.0, START + 58.0, ProcessorTime()) == pytest.approx(2.0)


def test_readings_of_threads_that_have_ended_do_no_harm() -> None:
    clock = StallClock()
    clock.read(START, START, ProcessorTime(9.0, 9.0))
    assert clock.read(START + 2.0, START, ProcessorTime(1.0, 1.0)) == pytest.approx(2.0)
