"""Fractions, powers, formulas and the signs of mathematics and music."""

import re
from typing import Final

from appliance.text.spoken.language import Day, ReadingRules, word_set
from appliance.text.spoken.numbers import NUMBER, cardinal, whole

_VULGAR: Final = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8),
    "⅞": (7, 8), "⅐": (1, 7), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
_VULGAR_FRACTION: Final = re.compile(rf"(?:(?<![\w.,])(\d+)\s?)?([{''.join(_VULGAR)}])(?:\s(\w+))?")
_FRACTION: Final = re.compile(
    r"(?<![\w.,/:])(?:(\d{1,3})\s)?(\d{1,4})\s?[/⁄]\s?(\d{1,4})(?![\w/]|[.,]\d)(?:\s(\w+))?"
)
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_POWER: Final = re.compile(
    r"(?<=[\w)])(?:\s?\^\s?(?:[{(]([^{}()]{1,12})[)}]|([-+−]?\w+))|([⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+))"
)
_FORMULA: Final = re.compile(r"(?<![\w])(?=\w*[₀-₉])((?:[A-Z][a-z]?[₀-₉]*)+)(?![\w])")
_KNOWN: Final = re.compile(
    r"\b(CO2|H2O|O2|O3|N2|H2|CH4|NO2|N2O|SO2|NH3|H2SO4|C6H12O6|CaCO3|H2O2)\b"
)
_NOTE: Final = re.compile(r"(?<![\w#])([A-GJQ])\s?([#♯♭])(?![\w#])")
_OUT_OF: Final = word_set("stars sterne estrellas étoiles stelle estrelas")
_IDIOMS: Final = {(24, 7), (9, 11), (50, 50)}
_SIGNS: Final = (
    ("∛", "cube root"), ("√", "root"), ("≤", "at most"), ("≥", "at least"), ("≠", "is not"),
    ("≈", "approximately"), ("≃", "approximately"), ("±", "plus or minus"), ("÷", "divided by"),
    ("∞", "infinity"), ("∑", "sum"), ("∫", "integral"), ("∈", "element"), ("∝", "proportional"),
    ("×", "times"), ("§", "section"),
)  # fmt: skip
_OPERATORS: Final = (
    (re.compile(r"(?<=\w)\s*\+\s*(?=\d)|(?<=\w)\s+\+\s+(?=\w)"), "plus"),
    (re.compile(r"(?<=\s\w)\s+[-−–]\s+(?=\d)"), "minus"),
    (re.compile(r"(?<=\w)\s*·\s*(?=\d)"), "times"),
    (re.compile(r"(?<=\w)\s*(?:[-=]+>|→|⇒)\s*(?=\w)"), "arrow"),
    (re.compile(r"(?<=[\w)])\s*=+\s*(?=[\w(-])"), "equals"),
    (re.compile(r"(?<=\w)\s*<=\s*(?=[\w-])"), "at most"),
    (re.compile(r"(?<=\w)\s*>=\s*(?=[\w-])"), "at least"),
    (re.compile(r"(?<=\w)\s+<\s+(?=\w)"), "less"),
    (re.compile(r"(?<=\w)\s+>\s+(?=\w)"), "more"),
    (re.compile(r"\s*&\s*"), "and"),
)


def fractions(text: str, language: ReadingRules) -> str:
    """½, 1/2, 1 1/2, 24/7 and 8/10 in words."""
    text = _VULGAR_FRACTION.sub(
        lambda found: _mixed(found[1], *_VULGAR[found[2]], found[3] or "", language), text
    )
    return _FRACTION.sub(lambda found: _fraction(found, language), text)


def _fraction(found: re.Match[str], language: ReadingRules) -> str:
    over, under, behind = int(found[2]), int(found[3]), found[4] or ""
    tail = f" {behind}" if behind else ""
    is_date = under not in language.fractions and not found[1] and not behind.endswith("s")
    if is_date and (day := _date(over, under, language)):
        return f"{day}{tail}"
    if (over, under) in _IDIOMS and not found[1]:
        return f"{cardinal(over, language)} {cardinal(under, language)}{tail}"
    is_proper = over < under and under in language.fractions
    if behind.lower() in _OUT_OF or under in (10, 100) or (over == under and under > 1):
        joint = language.words["out of"]
    elif is_proper and under:
        return _mixed(found[1], over, under, behind, language)
    else:
        joint = language.words["over"]
    lead = f"{cardinal(int(found[1]), language)} " if found[1] else ""
    return f"{lead}{whole(found[2], language)} {joint} {whole(found[3], language)}{tail}"


def _date(first: int, second: int, language: ReadingRules) -> str:
    """12/25 in America, 25/12 elsewhere, where the larger number can only be a day."""
    month, day = (first, second) if language.month_first else (second, first)
    if 1 <= month <= 12 < day <= 31:
        return language.day(Day(day, month), "")
    return ""


def _mixed(digits: str | None, over: int, under: int, behind: str, language: ReadingRules) -> str:
    unit = language.units.get(behind)
    if unit is not None:
        behind = unit.many if digits else unit.one
    tail = f" {behind}" if behind else ""
    if unit is not None and not digits and (over, under) != (1, 2):
        tail = f" {language.words['of part']}{behind}"
    noun = language.fractions[under]
    if not digits and (over, under) == (1, 2):
        words = language.half(behind)
        return words if behind and words.endswith(behind) else f"{words}{tail}"
    count = language.agree(cardinal(over, language), noun.gender)
    part = f"{count} {noun.one if over == 1 else noun.many}"
    if not digits:
        return f"{part}{tail}"
    if (over, under) == (1, 2):
        return f"{language.words['and a half'].format(cardinal(int(digits), language))}{tail}"
    return f"{cardinal(int(digits), language)} {language.words['and']} {part}{tail}"


def formulas(text: str, language: ReadingRules) -> str:
    """CO₂, H2O, C# and F♯: letters by their names, digits as numbers."""
    text = _FORMULA.sub(lambda found: _formula(found[1], language), text)
    text = _KNOWN.sub(lambda found: _formula(found[1], language), text)
    text = _NOTE.sub(
        lambda found: f"{found[1]} {language.words['flat' if found[2] == '♭' else 'sharp']}", text
    )
    return re.sub(
        r"\bC\+\+(?!\w)", lambda _: f"C {language.words['plus']} {language.words['plus']}", text
    )


def _formula(written: str, language: ReadingRules) -> str:
    plain = written.translate(_SUBSCRIPTS)
    parts = re.findall(r"[A-Z][a-z]?|\d+", plain)
    return " ".join(
        cardinal(int(part), language) if part.isdigit() else " ".join(part.upper())
        for part in parts
    )


_SCIENTIFIC: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+−]?)(\d{1,3})(?!\w|\.\d)")


def powers(text: str, language: ReadingRules) -> str:
    """x², 2^10 and 10⁻³ in words; to be called before numbers are put into words."""
    text = _SCIENTIFIC.sub(r"\1 × 10^\2\3", text)
    text = _POWER.sub(lambda found: _power(found, language), text)
    return text if text.isascii() else text.translate(_SUPERSCRIPTS).translate(_SUBSCRIPTS)


def _power(found: re.Match[str], language: ReadingRules) -> str:
    written = (found[1] or found[2] or found[3] or "").translate(_SUPERSCRIPTS).replace("−", "-")
    tail = " " * found.string[found.end() :][:1].isalnum()
    if written in ("2", "3"):
        return f" {language.words['squared' if written == '2' else 'cubed']}{tail}"
    minus = written.startswith("-")
    exponent = written.strip("-+")
    words = cardinal(int(exponent), language) if exponent.isdecimal() else exponent
    sign = f"{language.words['minus']} " if minus else ""
    return f" {language.words['power']} {sign}{words}{tail}"


def signs(text: str, language: ReadingRules) -> str:
    """The signs of mathematics and comparison in words."""
    words = language.words
    text = re.sub(r"~\s*(?=\d)", f"{words['about']} ", text)
    for sign, key in _SIGNS:
        if sign in text:
            text = re.sub(rf"\s*{sign}\s*", f" {words[key]} ", text)
    for pattern, key in _OPERATORS:
        text = pattern.sub(f" {words[key]} ", text)
    return text


def minus(text: str, language: ReadingRules) -> str:
    """A minus before a number."""
    return re.sub(rf"(?<![\w.)-])[-−](?={NUMBER})", f"{language.words['minus']} ", text)
