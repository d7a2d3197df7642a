"""Amounts of money: "$5 million", "$1.5M", "3,50 €", "50¢"."""

import re
from functools import cache
from typing import Final

from appliance.text.spoken.language import Currency, Noun, ReadingRules
from appliance.text.spoken.numbers import NUMBER, Number, counted, in_words, parsed

_WORDS: Final = (
    r"(?:thousand|million|billion|trillion|Tausend|Millionen|Million|Milliarden|Milliarde"
    r"|Billionen|mil millones|millones|millón|mil|billones|millions|million|milliards|milliard"
    r"|mille|milioni|milione|miliardi|miliardo|milhões|milhão|bilhões|bilhão|mil)"
)


@cache
def _patterns(
    currencies: tuple[str, ...], scales: tuple[str, ...]
) -> tuple[re.Pattern[str], re.Pattern[str]]:
    signs = "|".join(sorted(map(re.escape, currencies), key=len, reverse=True))
    scale = "|".join(sorted(map(re.escape, scales), key=len, reverse=True))
    amount = rf"({NUMBER})"
    span = rf"(?:({NUMBER})\s?(?:[-–—]|to|bis|a|à)\s?(?:{signs})?\s?)?"
    multiple = rf"(?:\s?({scale})(?![^\W\d])|\s({_WORDS})\b)?"
    minus = r"([-−–]?)"
    before = rf"(?<![\w.]){minus}({signs})\s?{minus}{span}{amount}{multiple}"
    behind = rf"(?<![\w.,]){minus}{span}{amount}{multiple}\s?({signs})(?!\w)"
    return re.compile(before), re.compile(behind)


def money(text: str, language: ReadingRules) -> str:
    """Every amount in words, sign or code before or behind it."""
    before, behind = _patterns(tuple(language.currencies), tuple(language.scales))
    text = before.sub(lambda found: _before(found, language), text)
    return behind.sub(lambda found: _behind(found, language), text)


def _before(found: re.Match[str], language: ReadingRules) -> str:
    first, sign, second, start, amount, scale, word = found.groups()
    return _amount(sign, (start, amount), (scale, word), first or second, language)


def _behind(found: re.Match[str], language: ReadingRules) -> str:
    minus, start, amount, scale, word, sign = found.groups()
    return _amount(sign, (start, amount), (scale, word), minus, language)


def _amount(
    sign: str,
    span: tuple[str | None, str],
    multiple: tuple[str | None, str | None],
    minus: str,
    language: ReadingRules,
) -> str:
    """An amount, or a span of two."""
    currency = language.currencies[sign]
    number = parsed(span[1], language)
    lead = f"{language.words['minus']} " if minus else ""
    if span[0]:
        lead += f"{in_words(parsed(span[0], language), language)} {language.words['to']} "
    scale, word = multiple
    if scale or word:
        return lead + _multiple(number, scale, word, currency.unit, language)
    return lead + _with_cents(number, currency, language)


def _multiple(
    number: Number, scale: str | None, word: str | None, unit: Noun, language: ReadingRules
) -> str:
    if word:
        noun = Noun(word, word)
    else:
        assert scale is not None
        noun = language.scales[scale]
    words = counted(number, noun, language)
    is_thousand = noun.many in (language.words["thousand"],)
    if is_thousand and number == Number("1") and language.code != "en":
        words = noun.many
    return f"{words} {unit.many if is_thousand else language.of(unit.many)}"


def _with_cents(number: Number, currency: Currency, language: ReadingRules) -> str:
    parts = int(number.decimals.ljust(2, "0")) if number.decimals else 0
    if not currency.part.one or len(number.decimals) > 2:
        return counted(number, currency.unit, language)
    whole = Number(number.digits)
    if not parts:
        words = counted(whole, currency.unit, language)
        if number.digits.endswith("000000"):
            words = f"{in_words(whole, language)} {language.of(currency.unit.many)}"
        return words
    part = counted(Number(str(parts)), currency.part, language)
    if int(number.digits) == 0:
        return part
    unit = currency.unit
    amount = counted(whole, unit, language)
    if language.code in ("de", "fr", "it"):
        # "drei Euro fünfzig", "trois euros cinquante", "tre euro e cinquanta"
        joint = " e " if language.code == "it" else " "
        return f"{amount}{joint}{in_words(Number(str(parts)), language)}"
    return f"{amount} {language.words['and cents']} {part}"
