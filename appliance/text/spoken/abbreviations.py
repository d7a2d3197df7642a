"""Abbreviations, among them those that depend on what stands beside them: St., Dr., No."""

import re
from functools import cache
from typing import Final

from appliance.text.spoken.language import ReadingRules

_SAINT: Final = re.compile(r"(?<![\w.])St\.?\s(?=[A-Z][a-z]+)")
_AFTER_NAME: Final = re.compile(r"(?:[A-Z][\w'’]*|\d+(?:st|nd|rd|th))\s$")
_STREETS: Final = {"St.": "Street", "Dr.": "Drive", "Ct.": "Court", "Pl.": "Place", "Ln.": "Lane"}
_STREET: Final = re.compile(r"(?<![\w.])(St|Dr|Ct|Pl|Ln)\.(?=\s|[,;:!?)]|$)(?P<behind>\s*\S*)")
_GERMAN_STREET: Final = re.compile(r"(?<=[^\W\d_])str\.(?!\w)")
_NUMBER_SIGNS: Final = {
    "en": re.compile(r"(?:(?<![\w.])[Nn]o\.|№|#)\s?(?=\d)"),
    "de": re.compile(r"(?:(?<![\w.])[Nn]r\.|№|#)\s?(?=\d)"),
    "es": re.compile(r"(?:(?<![\w.])(?:[Nn]\.?\s?[º°o]\.?|[Nn]úm\.|[Nn]ro\.)|№|#)\s?(?=\d)"),
    "fr": re.compile(r"(?:(?<![\w.])[Nn][º°o]|№|#)\s?(?=\d)"),
    "it": re.compile(r"(?:(?<![\w.])[Nn](?:[º°.]|um\.|r\.)|№|#)\s?(?=\d)"),
    "pt": re.compile(r"(?:(?<![\w.])[Nn](?:\.?\s?[º°o]|úm\.)|№|#)\s?(?=\d)"),
}


@cache
def _pattern(code: str, abbreviations: tuple[str, ...]) -> re.Pattern[str]:
    longest = "|".join(sorted(map(re.escape, abbreviations), key=len, reverse=True))
    return re.compile(rf"(?<![\w.])(?:{longest})(?!\w)")


def abbreviations(text: str, language: ReadingRules) -> str:
    """Every abbreviation in words; one that ends a sentence keeps its full stop."""
    for written, words in language.before_numbers.items():
        if written in text:
            text = re.sub(rf"(?<![\w.]){re.escape(written)}\s?(?=\d)", f"{words} ", text)
    text = _NUMBER_SIGNS[language.code].sub(f"{language.words['number']} ", text)
    if language.code == "en":
        text = _STREET.sub(_street, text)
        text = _SAINT.sub("Saint ", text)
    if language.code == "de":
        text = _GERMAN_STREET.sub("straße", text)
    pattern = _pattern(language.code, tuple(language.abbreviations))
    return pattern.sub(lambda found: _expansion(found, language), text)


def _street(found: re.Match[str]) -> str:
    """ "St." behind a name or a number of a street, and not in front of another name."""
    in_front = found.string[max(0, found.start() - 60) : found.start()]
    behind = found["behind"].strip()
    is_behind_name = _AFTER_NAME.search(in_front) and not in_front.endswith(("The ", "A ", "Dear "))
    if not is_behind_name or (behind[:1].isupper() and not _ends_address(in_front, behind)):
        return found[0]
    stop = "." if not behind or behind[:1].isupper() else ""
    return _STREETS[f"{found[1]}."] + stop + found["behind"]


def _ends_address(in_front: str, behind: str) -> bool:
    """Whether "12 St. James St." is followed by a new sentence."""
    return bool(re.search(r"\d+\s(?:[A-Z][\w.'’]*\s){1,3}$", in_front)) and behind not in ("James",)


def _expansion(found: re.Match[str], language: ReadingRules) -> str:
    words = language.abbreviations[found[0]]
    rest = found.string[found.end() : found.end() + 40]
    # "and so on." ends the sentence where nothing follows, or a new one begins.
    ends = found[0].endswith(".") and not rest.strip() and found.start() > 0
    begins = found[0] in language.sentence_ends and re.match(r"\s+[A-ZÄÖÜÉ]", rest)
    return f"{words}." if ends or begins else words
