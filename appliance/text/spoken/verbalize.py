"""Puts everything that is not written in words into words, as a person would say it. Pure.

Each step consumes what it understands; whatever a step leaves alone is for those behind it. The
order matters: a date is no range, an address no number, an amount of money no unit.
"""

import re
import unicodedata
from functools import cache
from typing import Final

from appliance.text.spoken.abbreviations import abbreviations
from appliance.text.spoken.clock import times
from appliance.text.spoken.codes import codes
from appliance.text.spoken.dates import dates, decades
from appliance.text.spoken.foreign import romanised
from appliance.text.spoken.language import ReadingRules
from appliance.text.spoken.maths import formulas, fractions, minus, powers, signs
from appliance.text.spoken.money import money
from appliance.text.spoken.plain import joined, numbers, ordinals, ranges
from appliance.text.spoken.romans import romans
from appliance.text.spoken.units import units

_STEPS: Final = (
    *(dates, codes, times, money, decades, formulas, units, abbreviations, powers, fractions),
    *(romans, ordinals, ranges, minus, signs, numbers),
)
_SPACES: Final = re.compile("[\u00a0\u2000-\u200a\u202f]")


@cache
def language_of(code: str) -> ReadingRules | None:
    """The language of a code ("de", "pt-br"); None where there are no rules for it."""
    # Imported here, so that a language costs nothing before it is spoken.
    match base_of(code):
        case "en":
            from appliance.text.spoken.english import ENGLISH as LANGUAGE
        case "de":
            from appliance.text.spoken.german import GERMAN as LANGUAGE
        case "es":
            from appliance.text.spoken.spanish import SPANISH as LANGUAGE
        case "fr":
            from appliance.text.spoken.french import FRENCH as LANGUAGE
        case "it":
            from appliance.text.spoken.italian import ITALIAN as LANGUAGE
        case "pt":
            from appliance.text.spoken.portuguese import PORTUGUESE as LANGUAGE
        case _:
            return None
    return LANGUAGE


def warm_up() -> None:
    """Loads every language and its patterns. Blocks for a tenth of a second: not for the loop."""
    for code in ("en", "de", "es", "fr", "it", "pt"):
        verbalized("It is 1 km, 2 May 2026.", code)


def base_of(code: str) -> str:
    """The language without its region: "en" of "en-gb"."""
    return re.split("[-_]", code.lower(), maxsplit=1)[0]


def verbalized(text: str, code: str) -> str:
    """The text in words of the language; digits stay where there are no rules for it.

    Foreign scripts are romanised for every language that is written in Latin letters.
    """
    text = _SPACES.sub(" ", text)
    language = language_of(code)
    if language is None:
        return romanised(text, base_of(code))
    written = joined(_plain_digits(text))
    text = written
    for step in _STEPS:
        text = step(text, language)
    text = romanised(text, base_of(code))
    # A sign at the beginning must not begin the text with a space.
    return text if written.startswith(" ") else text.lstrip(" ")


def _plain_digits(text: str) -> str:
    """Full-width and other digits as those of ASCII."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(each)) if each.isdecimal() else each for each in text)
