"""Dates: ISO, American, European, with names of months, years and decades."""

import re
from calendar import monthrange
from functools import cache
from typing import Final

from appliance.text.spoken.language import Clock, Day, ReadingRules
from appliance.text.spoken.numbers import cardinal, whole

_ISO: Final = re.compile(
    r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)"
    r"(?:(?:T|\s)([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,]\d+)?)?"
    r"\s?(Z\b|[+\-−][01]\d(?::?[0-5]\d)?)?)?(?![\w-])"
)
_NUMERIC: Final = re.compile(
    r"(?<![\w/.\-])(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d\d)(?![\w/\-]|\.\d)"
)
_YEAR_FIRST: Final = re.compile(r"(?<![\w/.])(\d{4})([/.])(\d{1,2})\2(\d{1,2})(?![\w/]|\.\d)")
_MONTH_YEAR: Final = re.compile(r"(?<![\w/.])(0?[1-9]|1[0-2])/((?:19|20)\d\d)(?![\w/])")
_SLASH_DAY: Final = re.compile(
    r"(?i)\b(on|by|until|since|le|el|il|du|au|al|dal|del|dia|día|em|até) "
    r"(\d{1,2})/(\d{1,2})(?![\w/])"
)
_SHORT_YEAR: Final = re.compile(r"(?<!\w)['’](?=\d\d\b)")
_DECADE: Final = re.compile(r"(?<![\w.,])(['’]?)(\d{2}|\d{4})(?:['’]?s|er)\b(?!\w)")


def _before(text: str, place: int) -> str:
    """The word in front of a place, in lower case."""
    found = re.search(r"([^\W\d_]+)[ ]+$", text[max(0, place - 24) : place])
    return found[1].lower() if found else ""


def _is_day(day: int, month: int, year: int = 2000) -> bool:
    return 1 <= month <= 12 and 1 <= day <= monthrange(max(1, year), month)[1]


def dates(text: str, language: ReadingRules) -> str:
    """Every date in words."""
    text = _ISO.sub(lambda found: _iso(found, language), text)
    text = _YEAR_FIRST.sub(
        lambda found: _spoken(found, int(found[4]), int(found[3]), int(found[1]), language), text
    )
    text = _NUMERIC.sub(lambda found: _numeric(found, language), text)
    text = _MONTH_YEAR.sub(
        lambda found: f"{language.months[int(found[1]) - 1]}{_of_year(int(found[2]), language)}",
        text,
    )
    text = _SLASH_DAY.sub(lambda found: _slash_day(found, language), text)
    text = _dotted(text, language)
    for pattern in _named(language):
        text = pattern.sub(lambda found: _with_name(found, language), text)
    return _short_month(language).sub(
        lambda found: language.months[language.short_months[found[1].lower()] - 1], text
    )


def _of_year(year: int, language: ReadingRules) -> str:
    return f" {language.words['of year']} {language.year(year)}".replace("  ", " ")


def _spoken(found: re.Match[str], day: int, month: int, year: int, language: ReadingRules) -> str:
    if not _is_day(day, month, year):
        return found[0]
    return language.day(Day(day, month, year), _before(found.string, found.start()))


def _iso(found: re.Match[str], language: ReadingRules) -> str:
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    words = _spoken(found, day, month, year, language)
    if words == found[0] or not found[4]:
        return words
    hour, minute = int(found[4]), int(found[5])
    half = "" if language.code != "en" or hour > 12 or hour == 0 else "PM" if hour == 12 else "AM"
    words += f" {language.words['at time']} {language.clock(Clock(hour, minute, half))}"
    if found[6] and int(found[6]):
        seconds = language.words["second"] if int(found[6]) == 1 else language.words["seconds"]
        count = language.agree(cardinal(int(found[6]), language), language.units["s"].gender)
        words += f" {language.words['and']} {count} {seconds}"
    return words + _zone(found[7] or "", language)


def _zone(written: str, language: ReadingRules) -> str:
    if not written:
        return ""
    hours, minutes = (0, 0) if written == "Z" else (int(written[1:3]), int(written[-2:]))
    if len(written) == 3:
        minutes = 0
    if not hours and not minutes:
        return ", U T C"
    sign = language.words["plus" if written[0] == "+" else "minus"]
    rest = f" {cardinal(minutes, language)}" if minutes else ""
    return f", U T C {sign} {cardinal(hours, language)}{rest}"


def _numeric(found: re.Match[str], language: ReadingRules) -> str:
    """11/29/2026 or 29.11.2026: the month comes first only with slashes, and in America."""
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if len(found[4]) == 2:
        if found[2] != "/" and not (found[2] == "." and language.decimal_comma):
            return found[0]
        year += 2000 if year < 70 else 1900
    month_first = language.month_first and found[2] != "."
    day, month = (second, first) if month_first else (first, second)
    if not _is_day(day, month, year):
        day, month = month, day
    return _spoken(found, day, month, year, language)


def _slash_day(found: re.Match[str], language: ReadingRules) -> str:
    first, second = int(found[2]), int(found[3])
    day, month = (second, first) if language.month_first else (first, second)
    if not _is_day(day, month):
        return found[0]
    return f"{found[1]} {language.day(Day(day, month), found[1].lower())}"


_DOTTED: Final = re.compile(r"(?<![\w.])(\d{1,2})\.\s?(\d{1,2})\.(?!\d)")


def _dotted(text: str, language: ReadingRules) -> str:
    """29.11., a day as it is written in German."""
    if language.code != "de":
        return text
    return _DOTTED.sub(lambda found: _spoken_day(found, language), text)


def _spoken_day(found: re.Match[str], language: ReadingRules) -> str:
    day, month = int(found[1]), int(found[2])
    if not _is_day(day, month):
        return found[0]
    return language.day(Day(day, month), _before(found.string, found.start()))


@cache
def _month_pattern(code: str, months: tuple[str, ...], short: tuple[str, ...]) -> str:
    full = "|".join(map(re.escape, months))
    brief = "|".join(sorted(map(re.escape, short), key=len, reverse=True))
    case = "(?i:" if code in ("es", "fr", "it", "pt") else "(?:"
    names = brief if case == "(?i:" else _capitalised(brief)
    return rf"({case}{full})|(?:{case}{names}))\b\.?(?=\W|$))"


def _capitalised(names: str) -> str:
    return "|".join(name[:1].upper() + name[1:] for name in names.split("|"))


@cache
def _patterns(
    code: str, months: tuple[str, ...], short: tuple[str, ...]
) -> tuple[re.Pattern[str], ...]:
    month = _month_pattern(code, months, short).replace("(", "(?P<month>", 1)
    year = r"(?P<year>(?:1[0-9]|20)\d\d)"
    mark = r"(?:\.|st|nd|rd|th|er|º|ª|°|ro)?"
    first = rf"(?<![\w.,:/])(?P<day>\d{{1,2}}){mark}\s(?:of |de |d['’])?{month}"
    last = rf"\b{month}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.,/%]*\d|[-–]\d|\w)"
    behind = rf"(?:,?\s(?:of |de |del )?{year}(?![\d:.,]*\d|\w))?"
    if code == "en":
        return re.compile(first + behind), re.compile(last + behind)
    return (re.compile(first + behind),)


def _named(language: ReadingRules) -> tuple[re.Pattern[str], ...]:
    return _patterns(language.code, language.months, tuple(language.short_months))


def _with_name(found: re.Match[str], language: ReadingRules) -> str:
    month = _month_number(found["month"], language)
    year = int(found["year"] or 0)
    day = int(found["day"])
    if not month or not _is_day(day, month):
        return found[0]
    before = _before(found.string, found.start())
    if language.code == "en" and found[0][:1].isdigit() and before != "the":
        # "5 May" is read "the fifth of May"; "May 5" is read as it stands.
        words = "the " + language.day(Day(day, month, year), "the")
    else:
        words = language.day(Day(day, month, year), before)
    return words + ("," if found[0].endswith(",") else "")


def _month_number(written: str, language: ReadingRules) -> int:
    name = written.rstrip(".").lower()
    for number, month in enumerate(language.months, 1):
        if month.lower() == name:
            return number
    return language.short_months.get(name, 0)


@cache
def _short(code: str, short: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, short), key=len, reverse=True))
    names = _capitalised(names) if code in ("en", "de") else names
    # Alone a short name needs its full stop: "Mar" and "set" are words.
    if code == "en":
        return re.compile(rf"(?<![\w.])({names})(?:\.(?=\s+\S)|(?=\s(?:1[0-9]|20)\d\d\b))")
    # Where it is not capitalised, "set." may be the end of a sentence: a year must follow.
    behind = r"\s+\S" if code in ("en", "de") else r"\s+(?:de\s+)?\d{4}\b"
    return re.compile(rf"(?<![\w.])({names})\.(?={behind})")


def _short_month(language: ReadingRules) -> re.Pattern[str]:
    short = tuple(name for name in language.short_months if name not in ("may", "mai"))
    return _short(language.code, short)


def decades(text: str, language: ReadingRules) -> str:
    """The 1990s, '90s and 90er."""
    if language.code != "en":
        text = _SHORT_YEAR.sub("", text)
    return _DECADE.sub(lambda found: _decade(found, language), text)


_TENS = {10: "teens", 20: "twenties", 30: "thirties", 40: "forties", 50: "fifties"}


def _decade(found: re.Match[str], language: ReadingRules) -> str:
    year = int(found[2])
    if year % 10:
        return found[0]
    if language.code == "de" and found[0].endswith("er"):
        return f"{language.year(year)}er"
    if language.code != "en" or found[0].endswith("er"):
        return found[0]
    if (
        len(found[2]) == 2
        and not found[1]
        and _before(found.string, found.start())
        not in (*("the", "his", "her", "their", "my", "your", "our", "early", "late", "mid"),)
    ):
        return found[0]
    words = language.year(year) if year >= 100 else whole(found[2], language)
    if words.endswith("y"):
        return words[:-1] + "ies"
    return f"{words}s"
