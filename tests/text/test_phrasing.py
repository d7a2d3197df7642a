from datetime import date, datetime

import pytest

from appliance.text import phrasing


@pytest.mark.parametrize(
    ("hour", "minute", "words"),
    [
        (15, 20, "twenty past three in the afternoon"),
        (9, 7, "seven minutes past nine in the morning"),
        (9, 1, "one minute past nine in the morning"),
        (18, 15, "a quarter past six in the evening"),
        (17, 45, "a quarter to six in the afternoon"),
        (23, 30, "half past eleven at night"),
        (11, 40, "twenty to noon"),
        (23, 58, "two minutes to midnight"),
        (0, 0, "midnight"),
        (12, 0, "noon"),
        (7, 0, "seven o'clock in the morning"),
        (0, 10, "ten past midnight"),
    ],
)
def test_times_of_day(hour: int, minute: int, words: str) -> None:
    assert phrasing.time_of_day(datetime(2026, 1, 1, hour, minute)) == words


def test_no_two_minutes_of_a_day_sound_alike() -> None:
    words = {phrasing.time_of_day(datetime(2026, 1, 1, h, m)) for h in range(24) for m in range(60)}
    assert len(words) == 24 * 60
    assert not any(character.isdigit() for word in words for character in word)


@pytest.mark.parametrize(
    ("seconds", "words", "adjective"),
    [
        (300, "five minutes", "five minute"),
        (60, "one minute", "one minute"),
        (90, "one minute and thirty seconds", "one minute and thirty second"),
        (3600 + 600, "one hour and ten minutes", "one hour and ten minute"),
        (3600 + 600 + 20, "one hour and ten minutes", "one hour and ten minute"),
        (7199.9, "two hours", "two hour"),
        (0, "no time", "no time"),
        (120 * 3600, "120 hours", "120 hour"),
    ],
)
def test_durations(seconds: float, words: str, adjective: str) -> None:
    assert phrasing.length(seconds) == words
    assert phrasing.as_adjective(seconds) == adjective


def test_days_and_their_ordinals() -> None:
    assert phrasing.day(date(2026, 11, 21)) == "Saturday, the 21st of November"
    ends = {1: "st", 2: "nd", 3: "rd", 4: "th", 11: "th", 12: "th", 13: "th", 22: "nd", 30: "th"}
    assert {n: phrasing.ordinal(n) for n in ends} == {n: f"{n}{end}" for n, end in ends.items()}


def test_lists_and_sizes() -> None:
    assert phrasing.listed([]) == ""
    assert phrasing.listed(["a"]) == "a"
    assert phrasing.listed(["a", "b"]) == "a and b"
    assert phrasing.listed(["a", "b", "c"], "or") == "a, b, or c"
    assert phrasing.size(3_400_000_000) == "3.4 gigabytes"
    assert phrasing.size(2_000_000_000) == "2 gigabytes"
    assert phrasing.size(950_000_000) == "950 megabytes"
    assert phrasing.counted(1, "timer") == "one timer"
    assert phrasing.counted(120, "timer") == "120 timers"
