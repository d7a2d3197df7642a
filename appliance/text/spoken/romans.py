"""Roman numerals: a ruler's number, a chapter's, a century's, or no numeral at all."""

import re
from typing import Final

from appliance.text.spoken.language import ReadingRules, word_set
from appliance.text.spoken.numbers import cardinal

_VALUES: Final = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_VALID: Final = r"(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_NUMERAL: Final = re.compile(
    rf"\b([^\W\d_]+)(\.?[ -])(C{{0,3}}{_VALID})"
    r"(?P<mark>\.?[ºª°]|er|[eè]me?|e)?(?P<stop>\.?)(?![\w'’])"
)
_CENTURY: Final = re.compile(
    rf"\b({_VALID})(?P<mark>\.|[ºª°]|[eè]me?|e)?\s(?P<noun>century|centuries|siècles?|s\.|siglos?|secol[oi]"
    r"|séculos?|Jahrhunderts?)(?!\w)"
)
_NO_SINGLE: Final = re.compile(
    r"(?i)^\s+(?:am|was|have|had|will|would|can|could|do|did|think|said|saw)\b"
)
_AFTER_FIRST: Final = re.compile(
    r"(?i)^(?:$|[.,;:!?)]|\s+(?:of|was|and|is|ruled|became|died|von|de|di|war|wurde|fue|fu|foi|et|und|y|e)\b)"
)
_PARTS_OF_NAMES: Final = word_set("Juan Carlos João Maria Johannes Paul")


def _value(numeral: str) -> int:
    total = 0
    for index, letter in enumerate(numeral):
        value = _VALUES[letter]
        following = _VALUES.get(numeral[index + 1 : index + 2], 0)
        total += -value if following > value else value
    return total


def romans(text: str, language: ReadingRules) -> str:
    """Every Roman numeral whose context shows that it is one, in words."""
    text = _CENTURY.sub(lambda found: _century(found, language), text)
    return _NUMERAL.sub(lambda found: _numeral(found, language), text)


def _century(found: re.Match[str], language: ReadingRules) -> str:
    noun = found["noun"]
    if noun == "s.":
        return found[0]
    words = language.ordinal(_value(found[1]), "n" if language.code == "de" else "m", "")
    return f"{words} {noun}"


def _numeral(found: re.Match[str], language: ReadingRules) -> str:
    word, gap, numeral = found[1], found[2], found[3]
    behind = found.string[found.end() :]
    value = _value(numeral)
    if word.lower() in language.numbered and gap == " ":
        if numeral == "I" and (_NO_SINGLE.match(behind) or found["mark"]):
            return found[0]
        return f"{word} {cardinal(value, language)}{found['stop']}"
    if word in language.regnal_names and gap == " " and value < 40:
        if numeral == "I" and not found["mark"] and not _AFTER_FIRST.match(found["stop"] + behind):
            return found[0]
        # "Ludwig XIV. war König": the full stop belongs to the numeral.
        stop = found["stop"]
        inside = language.code == "de" and re.match(r"\s+[a-zäöü]", behind)
        return f"{word} {language.regnal(value)}{'' if inside else stop}"
    is_plain = len(numeral) > 1 and word[0].isupper() and gap == " " and value < 40
    if is_plain and not found["mark"] and len(word) > 2:
        return f"{word} {cardinal(value, language)}{found['stop']}"
    return found[0]
