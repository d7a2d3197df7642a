"""Normalises text for TTS: no Markdown, code, emoji, HTML or web address is read aloud.

Answers arrive in fragments, often a sentence each. `speakable` cleans one fragment; `Speakable`
also leaves out what spans several of them: a block of code, the thoughts of a reasoning model.
"""

import html
import re
import unicodedata

from appliance.text import phrasing

# Blocks that are not spoken: (opening, closing). An unclosed block lasts to the end of the text.
_BLOCKS = (("```", "```"), ("~~~", "~~~"), ("<think>", "</think>"))
_OPENING = re.compile("|".join(re.escape(opening) for opening, _ in _BLOCKS))
_CLOSING = dict(_BLOCKS)

_MARKUP = (
    (re.compile(r"<!--.*?-->", re.DOTALL), " "),
    (re.compile(r"<(?:br|/?p|/?li|/?div|/?tr|/?h[1-6])\b[^<>]*>", re.IGNORECASE), "\n"),
    (re.compile(r"</?[a-zA-Z][^<>]*>"), ""),
    (re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)"), r"\1"),
    (re.compile(r"!?\[([^\[\]]+)\]\[[^\[\]]*\]"), r"\1"),
    (re.compile(r"\[\^?\d+\]"), ""),
)
_URL = re.compile(r"\b(?:https?://|www\.)([^\s/?#()<>\[\]|*`]+)(?:[/?#][^\s()<>\[\]|*`]*)?", re.I)
_MAIL = re.compile(r"\b([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)\b")

_LINE = (
    (re.compile(r"^\s*(?:>\s*)+"), ""),
    (re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*$|^\s*([-*_=])(?:\s*\1){2,}\s*$"), ""),
)
_BULLET = re.compile(r"^\s*(?:#{1,6}\s+|[-*+•◦‣]\s+|\d{1,3}[.)]\s+)(?:\[[ xX]\]\s+)?")

_ABBREVIATIONS = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "and so on", "vs.": "versus",
    "approx.": "approximately", "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missis",
    "Prof.": "Professor", "w/": "with",
}  # fmt: skip
_ABBREVIATION = re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, _ABBREVIATIONS)) + r")(?!\w)")

_UNITS = {
    "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees", "%": "percent",
    "km/h": "kilometers per hour", "mph": "miles per hour", "m/s": "meters per second",
    "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
    "mg": "milligrams", "ml": "milliliters", "kB": "kilobytes", "KB": "kilobytes",
    "MB": "megabytes", "GB": "gigabytes", "TB": "terabytes", "ms": "milliseconds",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "kW": "kilowatts",
    "kWh": "kilowatt hours", "W": "watts",
}  # fmt: skip
_LONGEST_FIRST = sorted(_UNITS, key=len, reverse=True)
_UNIT = re.compile(r"(\d)\s*(" + "|".join(map(re.escape, _LONGEST_FIRST)) + r")(?![\w/])")

_MONEY = re.compile(r"([$€£])\s?(\d+(?:,\d{3})*)(?:\.(\d\d))?(?![\d.,]*\d)")
_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}

_TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?!\d|:)(?:\s?([AaPp])\.?[Mm]\b\.?)?")

_FRACTIONS = {"½": "one half", "¼": "one quarter", "¾": "three quarters"}
# 5-10 and 1914-1918, but neither 555-1234 nor 2024-11-21.
_RANGE = re.compile(r"(?<![\d-])(\d{1,3}(?=[-–]\d{1,3}\b)|\d{4}(?=[-–]\d{4}\b))[-–](\d+)(?![\d-])")
_SYMBOLS = (
    (re.compile(r"(?<=\d)\s*([½¼¾])"), lambda m: f" and {_FRACTIONS[m[1]]}"),
    (re.compile(r"[½¼¾]"), lambda m: _FRACTIONS[m[0]]),
    (re.compile(r"(?<![\w.-])[-−](?=\d)"), "minus "),
    (_RANGE, r"\1 to \2"),
    (re.compile(r"(?<=\d)\s*[x×*]\s*(?=\d)"), " times "),
    (re.compile(r"\s*±\s*"), " plus or minus "),
    (re.compile(r"(?<=\w)\s*\+\s*(?=\d)"), " plus "),
    (re.compile(r"(?<=\w)\s*=+\s*(?=[\w-])"), " equals "),
    (re.compile(r"(?<=\w)\s*(?:[-=]+>|→|⇒)\s*(?=\w)"), " to "),
    (re.compile(r"(?<=\w)\s+<\s+(?=\w)"), " is less than "),
    (re.compile(r"(?<=\w)\s+>\s+(?=\w)"), " is more than "),
    (re.compile(r"~\s*(?=\d)"), "about "),
    (re.compile(r"#\s*(?=\d)"), "number "),
    (re.compile(r"\s*&\s*"), " and "),
    (re.compile(r"\bhttps?://|\band/or\b"), lambda m: "and or" if m[0] == "and/or" else " "),
    (re.compile(r"(?<=[^\W\d])/(?=[^\W\d])"), " "),
    (re.compile(r"[–—―]"), ", "),
    (re.compile(r"[*`]+"), ""),
    (re.compile(r"(?<!\w)_+|_+(?!\w)"), ""),
    (re.compile(r"[_#|~\\^<>{}\[\]=@]+"), " "),
)
_SPACES = (
    (re.compile(r"\s+"), " "),
    (re.compile(r" +(?=[,.;:!?](?:\s|$))"), ""),
    (re.compile(r"([,;:])(?:\s*[,;:])+"), r"\1"),
    (re.compile(r"([.!?])\s*,"), r"\1"),
    (re.compile(r"\(\s*\)"), ""),
)

# Unicode categories that are not spoken: emoji and other symbols, modifiers, control characters,
# unassigned characters, private use.
_SILENT = frozenset({"So", "Sk", "Sm", "Sc", "Cs", "Co", "Cn", "Cc", "Cf"})
_SILENT_TOO = frozenset("\u20e3\ufe0e\ufe0f")
_ALLOWED = frozenset("+")  # as in C++


def speakable(text: str) -> str:
    """The text as it should be spoken, on one line; plain text is returned unchanged.

    Units, money, times and addresses are put into words; markup is left out. The function is
    idempotent.
    """
    text, _ = _without_blocks(text, "")
    while (cleaned := _cleaned(text)) != text:
        text = cleaned
    return text


class Speakable:
    """Applies `speakable` to an answer that arrives in fragments; remembers an open block."""

    def __init__(self) -> None:
        self._closing = ""

    def fragment(self, text: str) -> str:
        """The spoken part of this fragment; empty if there is none."""
        text, self._closing = _without_blocks(text, self._closing)
        said = speakable(text)
        return said if any(map(str.isalnum, said)) else ""

    def reset(self) -> None:
        """Closes an open block; the next fragment begins a new answer."""
        self._closing = ""


def _without_blocks(text: str, closing: str) -> tuple[str, str]:
    """The text outside blocks, and the closing mark of a block left open (empty if none is)."""
    kept: list[str] = []
    while True:
        if closing:
            _, found, text = text.partition(closing)
            if not found:
                return "".join(kept), closing
        opening = _OPENING.search(text)
        if not opening:
            return "".join([*kept, text]), ""
        kept += [text[: opening.start()], " "]
        closing, text = _CLOSING[opening[0]], text[opening.end() :]


def _cleaned(text: str) -> str:
    text = unicodedata.normalize("NFC", html.unescape(text))
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    text = _URL.sub(_address, text)
    text = _MAIL.sub(lambda found: f"{found[1]} at {found[2]}".replace(".", " dot "), text)
    text = _one_line(text)
    text = _ABBREVIATION.sub(lambda found: _ABBREVIATIONS[found[0]], text)
    text = _TIME.sub(_time, text)
    text = _MONEY.sub(_money, text)
    text = _UNIT.sub(_unit, text)
    for symbol, words in _SYMBOLS:
        text = symbol.sub(words, text)
    text = "".join(filter(_sounds, text))
    for pattern, replacement in _SPACES:
        text = pattern.sub(replacement, text)
    return text


def _one_line(text: str) -> str:
    """Joins lines; headings, list items and table rows become sentences."""
    lines = text.splitlines() or [text]
    if len(lines) == 1 and not _BULLET.match(text) and "|" not in text:
        return _unmarked(text)
    said = [_line(line) for line in lines]
    return " ".join(line for line in said if line.strip())


def _line(line: str) -> str:
    line = _unmarked(line)
    item = _BULLET.sub("", line)
    row = item.count("|") > 1 or item.lstrip().startswith("|")
    if row:
        item = ", ".join(cell.strip() for cell in item.split("|") if cell.strip())
    ends = not item.strip() or item.rstrip()[-1] in ".!?:;,"
    return item if (item == line and not row) or ends else f"{item.rstrip()}."


def _unmarked(line: str) -> str:
    for pattern, replacement in _LINE:
        line = pattern.sub(replacement, line)
    return line


def _address(found: re.Match[str]) -> str:
    """The host of a web address in words; path and query are not spoken."""
    sentence_end = found[0][len(found[0].rstrip(".,;:!?")) :]
    return found[1].rstrip(".,;:!?").replace(".", " dot ") + sentence_end


def _time(found: re.Match[str]) -> str:
    """A time in words: "3:05 PM" becomes "three oh five PM"; voices read digits in many ways."""
    hour, minute = int(found[1]), int(found[2])
    half = f" {found[3].upper()}M" if found[3] else ""
    if minute == 0:
        return f"{phrasing.number(hour)}{half}" if half else f"{phrasing.number(hour)} o'clock"
    minutes = f"oh {phrasing.number(minute)}" if minute < 10 else phrasing.number(minute)
    return f"{phrasing.number(hour)} {minutes}{half}"


def _money(found: re.Match[str]) -> str:
    unit, part = _CURRENCIES[found[1]]
    whole = f"{found[2]} {unit}{'' if found[2] == '1' else 's'}"
    cents = int(found[3] or 0)
    if not cents:
        return whole
    parts = part if cents == 1 else {"penny": "pence"}.get(part, f"{part}s")
    return f"{whole} and {cents} {parts}"


def _unit(found: re.Match[str]) -> str:
    return f"{found[1]} {_UNITS[found[2]]}"


def _sounds(character: str) -> bool:
    if character in _SILENT_TOO:
        return False
    return character in _ALLOWED or unicodedata.category(character) not in _SILENT
