"""Words for times, durations, sizes and lists, as people say them aloud. Pure."""

from collections.abc import Sequence
from datetime import date, datetime

_UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))
_DIGITS_FROM = 100  # from here on digits: a voice reads them as well, and the page stays readable


def number(value: int) -> str:
    """A whole number in words up to a hundred, in digits beyond."""
    # Imported here because num2words loads every language it knows.
    from num2words import num2words

    return str(value) if abs(value) >= _DIGITS_FROM else str(num2words(value))


def counted(count: int, noun: str) -> str:
    """A number of things: "one timer", "two timers"."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def listed(items: Sequence[str], last: str = "and") -> str:
    """An enumeration: "a", "a and b", "a, b, and c"."""
    if len(items) <= 2:
        return f" {last} ".join(items)
    return f"{', '.join(items[:-1])}, {last} {items[-1]}"


def duration_parts(seconds: float) -> list[tuple[int, str]]:
    """The hours, minutes and seconds of a duration, without those of which there are none.

    To the second below an hour, and to the minute above.
    """
    rest = max(0, round(seconds))
    if rest >= 3600:
        rest = round(rest / 60) * 60
    parts = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append((count, unit))
    return parts


def length(seconds: float) -> str:
    """A duration in words, of its `duration_parts`."""
    return listed([counted(*part) for part in duration_parts(seconds)]) or "no time"


def as_adjective(seconds: float) -> str:
    """A duration before a noun: "five minute" as in "the five minute timer"."""
    words = length(seconds).replace(",", "").split()
    return " ".join(
        word[:-1] if word in ("hours", "minutes", "seconds") else word for word in words
    )


def time_of_day(moment: datetime) -> str:
    """A time of day in words: "twenty past three in the afternoon".

    Voices read "3:20" in many ways, so no digits are used.
    """
    hour, minute = moment.hour, moment.minute
    if minute > 30:
        hour, minute = hour + 1, minute - 60
    if minute == 0:
        return _full_hour(hour % 24)
    named = _hour(hour) if hour % 12 == 0 else f"{_hour(hour)} {_part_of_day(moment.hour)}"
    if minute == 30:
        return f"half past {named}"
    side, distance = ("past", minute) if minute > 0 else ("to", -minute)
    if distance == 15:
        return f"a quarter {side} {named}"
    said = number(distance) if distance % 5 == 0 else counted(distance, "minute")
    return f"{said} {side} {named}"


def _full_hour(hour: int) -> str:
    if hour in (0, 12):
        return "midnight" if hour == 0 else "noon"
    return f"{_hour(hour)} o'clock {_part_of_day(hour)}"


def _hour(hour: int) -> str:
    return {0: "midnight", 12: "noon"}.get(hour % 24) or number(hour % 12)


def _part_of_day(hour: int) -> str:
    if 5 <= hour < 12:
        return "in the morning"
    if 12 <= hour < 18:
        return "in the afternoon"
    return "in the evening" if 18 <= hour < 22 else "at night"


def ordinal(value: int) -> str:
    """An ordinal number in digits: "21st"."""
    suffix = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10)
    return f"{value}{suffix or 'th'}"


def day(when: date) -> str:
    """A date in words: "Saturday, the 21st of November"."""
    return f"{when:%A}, the {ordinal(when.day)} of {when:%B}"


def size(amount: int) -> str:
    """An amount of bytes in words: "3.4 gigabytes", "900 megabytes"."""
    for unit, name in ((10**12, "terabytes"), (10**9, "gigabytes")):
        if amount >= unit:
            return f"{amount / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{round(amount / 10**6)} megabytes"


def capitalised(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
