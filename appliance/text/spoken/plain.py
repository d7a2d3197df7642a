"""Numbers that nothing else has read: ordinals, ranges, scores, and any digits that are left."""

import re
from functools import cache
from typing import Final

from appliance.text.spoken.language import Gender, ReadingRules
from appliance.text.spoken.numbers import NUMBER, in_words, parsed, whole

_TORN: Final = re.compile(
    r"(\d)([.,]) (\d{1,3})(?=\s?%|\s(?:thousand|million|billion|trillion|percent|Millionen"
    r"|Milliarden|Prozent|millones|mil|por|millions|milliards|pour|milioni|miliardi|per|milhões|bilhões)\b)"
)
_RANGE: Final = re.compile(rf"(?<![\w\-–.,])({NUMBER})\s?[-–—]\s?({NUMBER})(?![\w\-–]|[.,]\d)")
_RATIO: Final = re.compile(r"(?<=\d):(?=\d)")
_DIFFERENCE: Final = re.compile(r"(?<=\d)\s*[-−–]\s*(?=\d[\d.,]*\s*=)")
_YEAR: Final = re.compile(r"(?<![\w.,$€£-])(1[1-9]\d\d|20\d\d)(?![\w]|[.,]\d)")
_HALF_DIFFERENCE: Final = re.compile(r"(?<=\d)\s*[-−–]\s*(?=\d[\d.,]*\s*=)")
_NUMBER: Final = re.compile(NUMBER)
_NEXT_WORD: Final = re.compile(r" ([^\W\d_]{2,})")
_LAST_WORD: Final = re.compile(r"([^\W\d_]+) $")
_LETTERS: Final = re.compile(r"\b[A-Z]{2,4}(?=\d)")
"""Letters that are named one by one: MP3, PS5."""
_TIMES: Final = re.compile(r"(?<=\d)\s*[x×*]\s*(?=\d)")


def joined(text: str) -> str:
    """Joins a number that a stream has torn at its mark ("13. 8 billion")."""
    return _TORN.sub(r"\1\2\3", text)


@cache
def _ordinal_pattern(marks: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,])(\d{{1,3}}(?:[.,]\d{{3}})+|\d{{1,4}})({marks})(?!\w)")


def ordinals(text: str, language: ReadingRules) -> str:
    """1st, 2e, 3.º in words."""
    text = _ordinal_pattern(language.ordinal_marks).sub(
        lambda found: _ordinal(found, language), text
    )
    if language.code == "de":
        text = _GERMAN.sub(lambda found: _german_ordinal(found, language), text)
    return text


def _ordinal(found: re.Match[str], language: ReadingRules) -> str:
    before = re.search(r"(\w+)\s$", found.string[: found.start()])
    gender: Gender = "f" if re.search(r"[ªa]|re\b|ère|de\b|nde", found[2]) else "m"
    value = int(re.sub("[.,]", "", found[1]))
    return language.ordinal(value, gender, before[1].lower() if before else "")


_GERMAN: Final = re.compile(
    r"(?i)\b(der|die|das|den|dem|des|am|im|zum|zur|vom|beim|jede[rsnm]?|ein|eine[nmr]?|ihr|sein|mein)"
    r"\s(\d{1,3})\.(?=\s+[A-ZÄÖÜa-zäöü])"
)


def _german_ordinal(found: re.Match[str], language: ReadingRules) -> str:
    before = found[1].lower()
    gender: Gender = "f" if before in ("die", "zur") else "m"
    return f"{found[1]} {language.ordinal(int(found[2]), gender, before)}"


def ranges(text: str, language: ReadingRules) -> str:
    """5-10 and 1914-1918; not what has more than two parts."""
    text = _RATIO.sub(f" {language.words['ratio']} ", text)
    text = _DIFFERENCE.sub(f" {language.words['minus']} ", text)
    return _RANGE.sub(lambda found: f"{found[1]} {language.words['to']} {found[2]}", text)


def numbers(text: str, language: ReadingRules) -> str:
    """Puts every digit that is left into words."""
    text = _LETTERS.sub(lambda found: " ".join(found[0]), text)
    text = _TIMES.sub(f" {language.words['times']} ", text)
    text = _YEAR.sub(lambda found: language.year(int(found[1])), text)
    return _NUMBER.sub(lambda found: _number(found, language), text)


def _number(found: re.Match[str], language: ReadingRules) -> str:
    written = found[0]
    if written.isdigit():
        words = _agreeing(whole(written, language), found, language)
    else:
        words = in_words(parsed(written, language), language)
    before = found.string[: found.start()][-1:]
    after = found.string[found.end() :][:1]
    return f"{' ' * before.isalpha()}{words}{' ' * after.isalpha()}"


def _agreeing(words: str, found: re.Match[str], language: ReadingRules) -> str:
    """A number before the noun that it counts: "una hora", "ein Tag"."""
    noun = _NEXT_WORD.match(found.string, found.end())
    if noun is None:
        return words
    before = _LAST_WORD.search(found.string[max(0, found.start() - 24) : found.start()])
    if before is not None and before[1].lower() in language.numbered | language.code_words:
        return words
    gender = language.gender_of(noun[1])
    return words if gender is None else language.agree(words, gender)
