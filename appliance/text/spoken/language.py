"""The words and the grammar by which one language reads numbers, dates, units and symbols aloud."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Gender = Literal["m", "f", "n"]


def word_set(text: str) -> frozenset[str]:
    """The words of a text that lists them."""
    return frozenset(text.split())


class Noun(NamedTuple):
    """A thing that is counted."""

    one: str
    many: str
    gender: Gender = "m"


NO_NOUN: Final = Noun("", "")
"""The hundredth of a currency that has none."""


def masculine(one: str, many: str = "") -> Noun:
    """A masculine noun; without `many`, its plural has an "s"."""
    return Noun(one, many or f"{one}s")


def feminine(one: str, many: str = "") -> Noun:
    """A feminine noun; without `many`, its plural has an "s"."""
    return Noun(one, many or f"{one}s", "f")


class Currency(NamedTuple):
    """A currency and its hundredth; an empty `part` where it has none."""

    unit: Noun
    part: Noun


class Clock(NamedTuple):
    """A time of day; `half` is "AM", "PM" or empty where the writer named none."""

    hour: int
    minute: int
    half: str = ""

    @property
    def hour_of_day(self) -> int:
        """The hour from 0 to 23."""
        return self.hour + 12 if self.half == "PM" and self.hour < 12 else self.hour


class Day(NamedTuple):
    """A day of the calendar. `month` counts from 1; `year` 0 means that none is named."""

    day: int
    month: int
    year: int = 0


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """One language. Each mapping goes from what is written to what is said.

    `before` in the functions is the word in front, in lower case, on which endings may depend.
    """

    code: str
    numerals: str
    """Its name among the converters of num2words."""
    decimal_comma: bool
    spells_octets: bool
    """Whether three digits of an IP address are said one by one."""
    pairs_decimals: bool
    """Whether two decimals are said as one number ("trois virgule quatorze")."""
    singular_below: int
    """Amounts below it take the singular: 2 where "1,5 litre" is right, else 0."""
    words: Mapping[str, str]
    """Symbols and connecting words; each language has the same keys (`english.WORDS`)."""
    months: tuple[str, ...]
    short_months: Mapping[str, int]
    """Abbreviations without their full stop, in lower case, and the number of the month."""
    units: Mapping[str, Noun]
    currencies: Mapping[str, Currency]
    scales: Mapping[str, Noun]
    """Abbreviations behind an amount of money ("M", "Mrd.")."""
    fractions: Mapping[int, Noun]
    """By the denominator, 2 to 10 at least."""
    abbreviations: Mapping[str, str]
    """With their full stops; case counts."""
    regnal_names: frozenset[str]
    """Names whose Roman numeral is an ordinal ("Henry IV")."""
    numbered: frozenset[str]
    """Words whose Roman numeral is a number ("chapter"), in lower case."""
    code_words: frozenset[str]
    """Words whose number is said digit by digit ("PIN"), in lower case."""
    agree: Callable[[str, Gender], str]
    """A number in words as it stands before a noun of that gender."""
    gender_of: Callable[[str], Gender | None]
    """The gender of a noun, as far as its ending shows it; None for what is no noun."""
    year: Callable[[int], str]
    ordinal: Callable[[int, Gender, str], str]
    """(number, gender, before): "third"."""
    regnal: Callable[[int, Gender], str]
    """A ruler's number: "the fourth"."""
    day: Callable[[Day, str], str]
    """(day, before): a date in words."""
    clock: Callable[[Clock], str]
    half: Callable[[str], str]
    """(the word behind): a half of it; ends with that word where it stands in between."""
    ordinal_marks: str
    """A regular expression for what follows a number that is an ordinal ("st|nd|rd|th")."""
    before_numbers: Mapping[str, str] = field(default_factory=dict)
    """Abbreviations that are such only in front of a number: "p. 5"."""
    sentence_ends: frozenset[str] = frozenset()
    """Abbreviations that end a sentence where a capital follows ("etc.")."""
    month_first: bool = False
    of: Callable[[str], str] = field(default=lambda noun: noun)
    """Puts a noun behind millions: "de dólares"."""
