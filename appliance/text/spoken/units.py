"""Amounts with units: "100 m", "1 km", "6 ft 2 in", "1.5L"."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from appliance.text.spoken.language import Noun, ReadingRules
from appliance.text.spoken.numbers import NUMBER, counted, parsed

_FEET: Final = re.compile(
    r"(?<![\w.,])(\d+)\s?(?:ft\.?|feet|foot|['′])\s?(\d+(?:\.\d+)?)\s?(?:in\b\.?|inches|[\"″”])"
)
_INCHES: Final = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)(?:\s?[″]|\")(?=[\s,.]|$)(?!\s*\w+\")")
_POUNDS: Final = re.compile(r"(?<![\w.,])(\d+)\s?lbs?\.?\s(\d+)\s?oz\b\.?")


@cache
def _pattern(symbols: tuple[str, ...]) -> re.Pattern[str]:
    longest = "|".join(sorted(map(re.escape, symbols), key=len, reverse=True))
    sign = r"(?<![\w.,/])(?:(?<!\S)([-−–]))?"
    span = rf"(?:({NUMBER})\s?(?:[-–]|to|bis|a|à)\s?)?"
    return re.compile(rf"{sign}{span}({NUMBER})[ -]?({longest})(?![\w/²³])(?:\.(?=\s[a-zäöüàé]))?")


def _symbols(units: Mapping[str, Noun]) -> tuple[str, ...]:
    plain = {symbol.replace("²", "2").replace("³", "3") for symbol in units}
    return tuple(sorted(set(units) | plain))


def units(text: str, language: ReadingRules) -> str:
    """Every amount with a unit in words."""
    if language.code == "en":
        text = _FEET.sub(
            lambda found: _compound(found, ("foot", "feet"), ("inch", "inches"), language), text
        )
        text = _POUNDS.sub(
            lambda found: _compound(found, ("pound", "pounds"), ("ounce", "ounces"), language), text
        )
        text = _INCHES.sub(
            lambda found: counted(parsed(found[1], language), Noun("inch", "inches"), language),
            text,
        )
    return _pattern(_symbols(language.units)).sub(lambda found: _amount(found, language), text)


def _compound(
    found: re.Match[str], large: tuple[str, str], small: tuple[str, str], language: ReadingRules
) -> str:
    first, second = (parsed(found[n], language) for n in (1, 2))
    return f"{counted(first, Noun(*large), language)} {counted(second, Noun(*small), language)}"


def _amount(found: re.Match[str], language: ReadingRules) -> str:
    symbol = found[4]
    noun = language.units.get(symbol)
    if noun is None:
        noun = language.units[symbol.replace("2", "²").replace("3", "³")]
    number = parsed(found[3], language)
    words = counted(number, noun, language)
    if found[2]:
        start = counted(parsed(found[2], language), Noun("", ""), language).strip()
        words = f"{start} {language.words['to']} {words}"
    return f"{language.words['minus']} {words}" if found[1] else words
