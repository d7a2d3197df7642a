"""Times of day, ranges of them, and what a stop-watch shows."""

import re
from typing import Final

from appliance.text.spoken.language import Clock, ReadingRules
from appliance.text.spoken.numbers import cardinal

_HALF: Final = r"(?:\s?([AaPp])\.?\s?[Mm]\b\.?)?"
_TIME: Final = r"([01]?\d|2[0-3])(?::|[hH]|\s[hH]\s)([0-5]\d)(?!\d|:\d)(?:\s(?:Uhr|hs?|hrs)\b)?"
_CLOCK: Final = re.compile(rf"(?<![\w:.,])(?<![\d/-]){_TIME}{_HALF}")
_RANGE: Final = re.compile(rf"(?<![\w:.,])(?<![\d/-]){_TIME}{_HALF}\s?(?:-|–|—)\s?{_TIME}{_HALF}")
_DURATION: Final = re.compile(r"(?<![\w:.,])(\d{1,3})\s?h\s?(\d{1,2})\s?m(?:ins?|n)?\b")
_HOUR_RANGE: Final = re.compile(
    r"(?<![\w:.,])(1[0-2]|[1-9])\s?(?:-|–)\s?(1[0-2]|[1-9])\s?([AaPp])\.?[Mm]\b\.?"
)
_BOTH: Final = re.compile(
    r"(?<=\d)(\s?[AaPp]\.?[Mm]\.?)\s?[-–]\s?(?=\d{1,2}(?::\d\d)?\s?[AaPp]\.?[Mm])"
)
_HOUR: Final = re.compile(
    r"(?<![\w:.,])(1[0-2]|[1-9])\s?([AaPp])\.?\s?[Mm]\b(?:\.(?=\s+[^\W\dA-Z]))?"
)
_PRECISE: Final = re.compile(r"(?<![\w:.,])(\d{1,2}):([0-5]\d):([0-5]\d)(?![\w:])" + _HALF)


def times(text: str, language: ReadingRules) -> str:
    """Every time of day in words."""
    text = _DURATION.sub(lambda found: _duration(found, language), text)
    text = _BOTH.sub(rf"\1 {language.words['to time']} ", text)
    text = _RANGE.sub(lambda found: _range(found, language), text)
    text = _PRECISE.sub(lambda found: _precise(found, language), text)
    text = _CLOCK.sub(
        lambda found: _end(found, _clock(found[1], found[2], found[3], language)), text
    )
    if language.code == "en":
        text = _HOUR_RANGE.sub(lambda found: _hours(found, language), text)
        text = _HOUR.sub(
            lambda found: f"{cardinal(int(found[1]), language)} {found[2].upper()}M", text
        )
    return text


def _end(found: re.Match[str], words: str) -> str:
    """Keeps the full stop of "3 p.m." where it ends the sentence as well."""
    rest = found.string[found.end() :].lstrip()
    ends = found[0].endswith(".") and (not rest or rest[:1].isupper())
    return f"{words}." if ends else words


def _clock(hour: str, minute: str, half: str | None, language: ReadingRules) -> str:
    return language.clock(Clock(int(hour), int(minute), f"{half.upper()}M" if half else ""))


def _range(found: re.Match[str], language: ReadingRules) -> str:
    first, last = int(found[1]), int(found[4])
    half, last_half = found[3], found[6]
    if language.code == "en" and not half and not last_half and last > 12 and 0 < first < 13:
        half = "P" if first == 12 else "A"
    start = _clock(found[1], found[2], half, language)
    end = _clock(found[4], found[5], last_half, language)
    words = f"{start} {language.words['to time']} {end}"
    return _end(found, words)


def _hours(found: re.Match[str], language: ReadingRules) -> str:
    first, last = (cardinal(int(found[n]), language) for n in (1, 2))
    return _end(found, f"{first} to {last} {found[3].upper()}M")


def _precise(found: re.Match[str], language: ReadingRules) -> str:
    """1:05:09 is a length, as records and recordings have it; with AM or PM it is a time."""
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    seconds = _units(second, "s", language)
    if found[4]:
        return f"{_clock(found[1], found[2], found[4], language)} {language.words['and']} {seconds}"
    parts = [_units(hour, "h", language)] if hour else []
    parts += [_units(minute, "min", language)] if minute else []
    parts += [seconds] if second or not parts else []
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} {language.words['and']} {parts[-1]}"


def _duration(found: re.Match[str], language: ReadingRules) -> str:
    hours, minutes = (_units(int(found[n]), unit, language) for n, unit in ((1, "h"), (2, "min")))
    return f"{hours} {language.words['and']} {minutes}"


def _units(count: int, unit: str, language: ReadingRules) -> str:
    noun = language.units[unit]
    words = language.agree(cardinal(count, language), noun.gender)
    return f"{words} {noun.one if count == 1 else noun.many}"
