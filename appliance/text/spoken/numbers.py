"""Numbers as they are written, and in words."""

import re
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from appliance.text.spoken.language import Gender, Noun, ReadingRules

_LARGEST: Final = 10**15
"""From here on digits are said one by one: few languages have words for more."""
_LONGEST: Final = 9
"""The digits of an ungrouped number that is still said as a number and not digit by digit."""

NUMBER: Final = (
    r"(?:\d{1,3}(?:[ '’]\d{3})+(?:[.,]\d+)?(?!\d)|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])"
    r"|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?![\d.])|\d+(?:[.,]\d+)?)"
)
"""Matches a number with its groups and decimals, in the manner of any of the languages."""


class Number(NamedTuple):
    """A number of either sign; `decimals` are the digits behind the mark."""

    digits: str
    decimals: str = ""


def parsed(written: str, language: ReadingRules) -> Number:
    """The number that `NUMBER` found.

    One mark in front of three digits separates thousands where it does so in the language, and
    decimals else.
    """
    written = re.sub(r"[ '’]", "", written)
    marks = [mark for mark in written if mark in ".,"]
    if not marks:
        return Number(written)
    decimal = "," if language.decimal_comma else "."
    last = marks[-1]
    head, _, tail = written.rpartition(last)
    is_group = len(tail) == 3 and len(head) <= 3 and head != "0" and last != decimal
    if len(set(marks)) == 1 and (len(marks) > 1 or is_group):
        return Number(re.sub("[.,]", "", written))
    return Number(re.sub("[.,]", "", head), tail)


@cache
def _converter(numerals: str) -> Any:  # noqa: ANN401  of a library without types
    # Imported here because num2words loads every language it knows.
    from num2words import CONVERTER_CLASSES

    return CONVERTER_CLASSES[numerals]


@lru_cache(maxsize=4096)
def _cardinal(value: int, numerals: str) -> str:
    words = str(_converter(numerals).to_cardinal(value)).replace(",", "")
    if numerals == "it":
        # num2words contracts "io" inside "diciotto" as well.
        return words.replace("dicotto", "diciotto")
    return words.replace(" and ", " ") if numerals == "en" else words


def cardinal(value: int, language: ReadingRules) -> str:
    """A whole number in words; digit by digit where it is too large for words."""
    if abs(value) >= _LARGEST:
        return spelled(str(value), language)
    return _cardinal(value, language.numerals)


@lru_cache(maxsize=1024)
def ordinal(value: int, numerals: str) -> str:
    """An ordinal number as num2words has it (masculine)."""
    return str(_converter(numerals).to_ordinal(value)).replace(",", "")


@lru_cache(maxsize=1024)
def english_year(value: int) -> str:
    """ "nineteen eighty-four", "two thousand nine"."""
    return str(_converter("en").to_year(value)).replace("oh-", "oh ").replace(" and ", " ")


def spelled(digits: str, language: ReadingRules) -> str:
    """Digit by digit; anything else between them is kept."""
    words = (_cardinal(int(each), language.numerals) for each in digits if each in "0123456789")
    return " ".join(words)


def whole(digits: str, language: ReadingRules) -> str:
    """A run of digits: a number, or one by one where it begins with zero or is very long."""
    if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == "0"):
        return spelled(digits, language)
    return cardinal(int(digits), language)


def in_words(number: Number, language: ReadingRules) -> str:
    """A number with its decimals, as it stands by itself."""
    # Groups were written, or it is short: it has a value, however long.
    lead = number.digits[:1] == "0" and len(number.digits) > 1
    head = spelled(number.digits, language) if lead else cardinal(int(number.digits), language)
    if not number.decimals:
        return head
    return f"{head} {language.words['point']} {_decimals(number.decimals, language)}"


def _decimals(digits: str, language: ReadingRules) -> str:
    value = digits.lstrip("0")
    if not language.pairs_decimals or len(digits) > 2 or not value:
        return spelled(digits, language)
    zeros = spelled(digits[: len(digits) - len(value)], language)
    return f"{zeros} {cardinal(int(value), language)}".strip()


def counted(number: Number, noun: Noun, language: ReadingRules) -> str:
    """So many of a thing, in agreement: "una libra", "1,5 litre"."""
    words = in_words(number, language)
    if not number.decimals:
        words = language.agree(words, noun.gender)
    return f"{words} {noun.one if is_singular(number, language) else noun.many}"


def is_singular(number: Number, language: ReadingRules) -> bool:
    """Whether a thing so counted stands in the singular."""
    if language.singular_below:
        return int(number.digits) < language.singular_below
    return number.digits == "1" and not number.decimals


def genders(words: str, gender: Gender, endings: tuple[tuple[str, str, str], ...]) -> str:
    """Replaces the ending of a number by that of the gender: (ending, masculine, feminine)."""
    for ending, masculine, feminine in endings:
        if words.endswith(ending):
            return words[: -len(ending)] + (feminine if gender == "f" else masculine)
    return words
