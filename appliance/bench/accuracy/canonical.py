"""Words in one spelling, so that only what was misheard counts as an error. Pure.

"Twenty-five", "25" and "two five" are the same digits here: how a number is written is a matter
of taste, in which engines differ, and each digit counts as a word. Letter case, punctuation,
fillers ("um") and the usual abbreviations do not count either.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

FILLERS: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset({"um", "umm", "uh", "er", "erm", "hmm", "hm", "mm", "ah"}),
    "es": frozenset({"eh", "em", "mm"}),
    "fr": frozenset({"euh", "heu", "hum", "mm"}),
    "it": frozenset({"ehm", "eh", "em", "mm"}),
    "pt": frozenset({"hum", "hm", "eh", "mm"}),
    "de": frozenset({"äh", "ähm", "öhm", "eh", "ehm", "hm", "mm"}),
}
_SPELLED: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"dr": "doctor", "mr": "mister", "mrs": "missus", "ok": "okay", "st": "street"},
    "es": {"dr": "doctor", "sr": "señor"},
    "fr": {"dr": "docteur", "m": "monsieur"},
    "it": {"dr": "dottor"},
    "pt": {"dr": "doutor"},
    "de": {"dr": "doktor"},
}
_SIGNS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"$": "dollars", "€": "euros", "%": "percent", "°": "degrees", "&": "and", "×": "times"},
    "es": {"€": "euros", "%": "por ciento", "°": "grados", "×": "por"},
    "fr": {"€": "euros", "%": "pour cent", "°": "degrés", "×": "fois"},
    "it": {"€": "euro", "%": "per cento", "°": "gradi", "×": "per"},
    "pt": {"€": "euros", "R$": "reais", "%": "por cento", "°": "graus", "×": "vezes"},
    "de": {"€": "Euro", "%": "Prozent", "°": "Grad", "×": "mal"},
}
_CURRENCIES: Final = frozenset({"$", "€", "R$"})
_POINT: Final = {
    "en": "point", "es": "coma", "fr": "virgule", "it": "virgola", "pt": "vírgula", "de": "komma",
}  # fmt: skip
_NUM2WORDS: Final = {"pt": "pt_BR"}
_HIGHEST: Final = 2100
"""Every number up to it, and the hundreds up to 10,000, are known by their words."""
_AND: Final = {"en": "and"}
"""Said within a number or not: "two hundred (and) ten"."""


def canonical_words(text: str, language: str) -> list[str]:
    """The words that count, with each number as single digits."""
    words = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", _spelled_out(text, language))
    if language != "en":  # "l'ami" and "l' ami" are the same two words
        words = [part for word in words for part in word.split("'")]
    spelled, fillers = _SPELLED.get(language, {}), FILLERS.get(language, frozenset())
    kept = [spelled.get(word, word) for word in words if word not in fillers]
    return _with_digits(kept, language)


def _spelled_out(text: str, language: str) -> str:
    """Lower case, with signs as words and numbers without their punctuation."""
    lower = unicodedata.normalize("NFKC", text).replace("’", "'").lower()
    lower = re.sub(r"\b([^\W\d_])\.(?=[^\W\d_]\b)", r"\1", lower)  # p.m. is pm
    for sign, word in _SIGNS.get(language, {}).items():
        written = re.escape(sign.lower())
        if sign in _CURRENCIES:  # named after the number, wherever the sign stands
            lower = re.sub(rf"{written}\s*(\d[\d.,]*)", rf"\1 {word.lower()} ", lower)
        lower = re.sub(written, f" {word.lower()} ", lower)
    lower = re.sub(r"(?<=\d)[.,](?=\d{3}(?!\d))", "", lower)  # 1,230 and 1.230
    lower = re.sub(r"(?<=\d)[.,](?=\d)", f" {_POINT.get(language, '')} ", lower)
    if language == "en":
        lower = re.sub(r"(\d+)(?:st|nd|rd|th)\b", lambda found: _ordinal(int(found[1])), lower)
    return lower


def _ordinal(number: int) -> str:
    from num2words import num2words  # late: it loads every language it knows

    return str(num2words(number, to="ordinal")) if number <= _HIGHEST else str(number)


def _with_digits(words: list[str], language: str) -> list[str]:
    """Replaces the longest runs of number words, and numbers, by single digits."""
    numbers, longest = _number_words(language)
    found: list[str] = []
    place = 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            run = tuple(words[place : place + length])
            if run in numbers:
                found += str(numbers[run])
                break
        else:
            length = 1
            word = words[place]
            found += list(word) if word.isdecimal() else [word]
        place += length
    return found


@cache
def _number_words(language: str) -> tuple[Mapping[tuple[str, ...], int], int]:
    """Numbers by their words, and the most words that one has."""
    from num2words import num2words  # late: it loads every language it knows

    found: dict[tuple[str, ...], int] = {}
    name = _NUM2WORDS.get(language, language)
    for number in (*range(_HIGHEST), *range(_HIGHEST, 10_001, 100)):
        try:
            spoken = str(num2words(number, lang=name)).lower()
        except NotImplementedError:  # a language that it does not know
            return {}, 0
        words = tuple(re.findall(r"[^\W\d_]+", spoken))
        variants = {words, tuple(word for word in words if word != _AND.get(language))}
        if language == "de" and words[0].startswith("eintausend"):
            variants.add((words[0].removeprefix("ein"), *words[1:]))
        for variant in variants:
            found.setdefault(variant, number)
    # The feminine forms of the numbers, where a noun asks for them.
    for form, number in _FEMININE.get(language, {}).items():
        found.setdefault((form,), number)
    return found, max(len(words) for words in found)


_FEMININE: Final[Mapping[str, Mapping[str, int]]] = {
    "es": {"una": 1, "trescientas": 300, "doscientas": 200},
    "fr": {"une": 1},
    "it": {"una": 1, "un": 1},
    "pt": {"uma": 1, "duas": 2, "trezentas": 300, "duzentas": 200, "seis": 6, "meia": 6},
    "de": {"eine": 1, "einen": 1, "ein": 1},
}
