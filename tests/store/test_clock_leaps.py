"""A clock that leaps is told from time that passes."""

import pytest

from appliance.store.clock_leaps import (
    MOST_OFF,
    ClockReading,
    applied,
    leap_between,
    leap_while_off,
)

DAY = 86_400.0
YEARS = 20 * 365 * DAY
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("wall", "leap"),
    [(60.0, 0.0), (61.0, 0.0), (60.0 + DAY, DAY), (60.0 - 2 * DAY, -2 * DAY), (YEARS, YEARS - 60)],
)
def test_while_the_process_runs_the_steady_clock_decides(wall: float, leap: float) -> None:
    assert leap_between(ClockReading(NOW, 5.0), ClockReading(NOW + wall, 65.0)) == leap


@pytest.mark.parametrize(
    ("gap", "leap"),
    [(10.0, 0.0), (30 * DAY, 0.0), (-60.0, 0.0), (-DAY, -DAY), (MOST_OFF + 1, MOST_OFF + 1)],
)
def test_while_it_does_not_an_absence_is_no_leap(gap: float, leap: float) -> None:
    assert leap_while_off(NOW, NOW + gap) == leap


def test_leaps_of_a_running_process_are_exact() -> None:
    assert applied(0.0, YEARS, while_off=False) == (YEARS, 0.0)
    assert applied(0.0, -YEARS, while_off=False) == (-YEARS, 0.0)


def test_a_night_off_that_ends_in_1970_counts_once_the_clock_is_right() -> None:
    """The clock starts in 1970 after ten hours off, and a time server corrects it."""
    shift, unexplained = applied(0.0, -NOW, while_off=True)
    assert (shift, unexplained) == (-NOW, -NOW)
    assert applied(unexplained, NOW + 10 * 3600, while_off=False) == (NOW, 0.0)


def test_a_clock_that_stays_wrong_stays_unexplained() -> None:
    shift, unexplained = applied(0.0, YEARS, while_off=True)
    assert (shift, unexplained) == (YEARS, YEARS)
    assert applied(unexplained, 50 * DAY, while_off=True) == (50 * DAY, YEARS + 50 * DAY)
    assert applied(unexplained, 3 * DAY - YEARS, while_off=True) == (-YEARS, 0.0)
