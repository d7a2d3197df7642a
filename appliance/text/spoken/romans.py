"""Roman numerals: a ruler's number, a chapter's, a century's, or no numeral at all."""

import re
from typing import Final

from appliance.text.spoken.language import Gender, ReadingRules, word_set
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
_PAIR: Final = re.compile(
    rf"\b({_VALID})(?P<mark>\.|[eè]me?|e)?(?P<joint> (?:et|e|y|and|und) )"
    rf"(?P<last>{_VALID}(?:\.|[eè]me?|e)?\s(?:centur(?:y|ies)|siècles?|secol[oi]|Jahrhundert))"
)
_LISTED: Final = re.compile(
    rf"\b(?P<noun>[^\W\d_]+)\s({_VALID})(?P<joint>,? (?:et|e|y|and|und|to|a|bis|à) )"
    rf"(?P<last>{_VALID})(?![\w'’])"
)
_WAR: Final = re.compile(rf"(?:\b(?P<before>\w{{1,12}})\s)?\b({_VALID})\.\s(?P<noun>Weltkriegs?)\b")
_FEMALE: Final = word_set("Isabel Elizabeth Elisabeth Élisabeth Catherine Beatrix Margrethe")
_NO_SINGLE: Final = re.compile(
    r"(?i)^\s+(?:am|was|have|had|will|would|can|could|do|did|think|said|saw)\b"
)
_AFTER_FIRST: Final = re.compile(
    r"(?i)^(?:$|[.,;:!?)]|\s+(?:of|was|and|is|ruled|became|died|von|de|di|war|wurde|fue|fu|foi|et|und|y|e)\b)"
)


def _value(numeral: str) -> int:
    total = 0
    for index, letter in enumerate(numeral):
        value = _VALUES[letter]
        following = _VALUES.get(numeral[index + 1 : index + 2], 0)
        total += -value if following > value else value
    return total


def romans(text: str, language: ReadingRules) -> str:
    """Every Roman numeral whose context shows that it is one, in words."""
    text = _PAIR.sub(lambda found: _pair(found, language), text)
    text = _LISTED.sub(lambda found: _listed(found, language), text)
    text = _WAR.sub(lambda found: _war(found, language), text)
    text = _CENTURY.sub(lambda found: _century(found, language), text)
    return _NUMERAL.sub(lambda found: _numeral(found, language), text)


def _pair(found: re.Match[str], language: ReadingRules) -> str:
    """XVe et XVIe siècles: the first of two."""
    gender: Gender = "n" if language.code == "de" else "m"
    return f"{language.ordinal(_value(found[1]), gender, '')}{found['joint']}{found['last']}"


def _listed(found: re.Match[str], language: ReadingRules) -> str:
    """ "siglos XV y XVI": the numeral behind another."""
    if found["noun"].lower() not in language.numbered:
        return found[0]
    first, last = (cardinal(_value(found[n]), language) for n in (2, "last"))
    return f"{found['noun']} {first}{found['joint']}{last}"


def _war(found: re.Match[str], language: ReadingRules) -> str:
    before = found["before"] or ""
    words = language.ordinal(_value(found[2]), "m", before.lower()).capitalize()
    return f"{before} {words} {found['noun']}".lstrip()


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
        gender: Gender = "f" if word.endswith("a") or word in _FEMALE else "m"
        # "Ludwig XIV. war König": the full stop belongs to the numeral.
        stop = found["stop"]
        inside = language.code == "de" and re.match(r"\s+[a-zäöü]", behind)
        return f"{word} {language.regnal(value, gender)}{'' if inside else stop}"
    is_plain = len(numeral) > 1 and word[0].isupper() and gap == " " and value < 40
    if is_plain and not found["mark"] and len(word) > 2:
        return f"{word} {cardinal(value, language)}{found['stop']}"
    return found[0]
