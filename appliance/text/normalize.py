"""Normalises text for TTS: no Markdown, code, emoji, HTML or web address is read aloud.

Answers arrive in fragments, often a sentence each. `speakable` cleans one fragment and puts it in
words (`spoken.verbalize`); `Speakable` also leaves out what spans several of them: a block of
code, the thoughts of a reasoning model.
"""

import html
import re
import unicodedata

from appliance.text.spoken.language import ReadingRules
from appliance.text.spoken.verbalize import language_of, verbalized

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
_URL = re.compile(
    r"\b(?:https?://(?:www\.)?|www\.)([^\s/?#()<>\[\]|*`]+)(?:[/?#][^\s()<>\[\]|*`]*)?", re.I
)
_HOST = re.compile(
    r"(?<![\w.@-])((?:[\w-]{1,63}\.){1,5}(?:com|org|net|io|de|es|fr|it|pt|br|uk|eu|gov|edu|info|dev"
    r"|app|ai|tv|local|lan|home))(?![\w@-]|\.\w)"
)
_MAIL = re.compile(r"\b([\w.+-]{1,64})@([\w-]+(?:\.[\w-]+)+)\b")

_LINE = (
    (re.compile(r"^\s*(?:>\s*)+"), ""),
    (re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*$|^\s*([-*_=])(?:\s*\1){2,}\s*$"), ""),
)
# "5. Mai" is a date, and "13. 8 billion" a number.
_NO_DATE = r"(?!\d|(?:Jan|Feb|März|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)(?:\.|[a-z]*\b))"
_POWER = re.compile(r"(?<=\w)\*\*(?=\w)")
_PRODUCT = re.compile(r"(?<=\d)\*(?=\d)|(?<=\d )\*(?= \d)")
_LEFT_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)|^#+(?=\s)")
_EMPHASIS = re.compile(r"\*\*+|`+")
_BULLET = re.compile(
    r"^\s*(?:#{1,6}\s+|[-*+•◦‣]\s+|\d{1,3}[.)]\s+" + _NO_DATE + r")(?:\[[ xX]\]\s+)?"
)

# What has no sound of its own, once a language's rules have read the rest.
_SILENT_MARKS = (
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
_SILENT = frozenset({"So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf"})
_SIGNS = frozenset({"Sm", "Sc"})
"""Signs of mathematics and currencies. Where a language has rules they are words by now; where it
has none, the voice knows many of them."""
_SILENT_TOO = frozenset("\u20e3\ufe0e\ufe0f")
_ALLOWED = frozenset("+")  # as in C++
_MEANT = frozenset("°№^")
"""Symbols that are no emoji: a language's rules, or else the voice, read them."""


def without_markup(text: str) -> str:
    """The text without blocks, Markdown and HTML, on one line, as it is to be written.

    What it means is left to the language of the voice that speaks it (`speakable`).
    """
    text, _ = _without_blocks(text, "")
    text = _one_line(_unwrapped(text))
    text = _LEFT_MARKS.sub("", _PRODUCT.sub("×", _POWER.sub("^", text)))
    return _spaced("".join(each for each in text if each in _MEANT or _sounds(each, _SILENT)))


def speakable(text: str, language: str = "en") -> str:
    """The text as it should be spoken in a language, on one line; plain text is unchanged.

    Numbers, units, money, times, addresses and symbols are put into words where there are rules
    for the language (`spoken.verbalize`); markup is left out. The function is idempotent.
    """
    text, _ = _without_blocks(text, "")
    while (cleaned := _cleaned(text, language)) != text:
        text = cleaned
    return text


class Prose:
    """Applies `without_markup` to a text that arrives in fragments; remembers an open block."""

    def __init__(self) -> None:
        self._closing = ""

    def fragment(self, text: str) -> str:
        """The prose of this fragment; empty if there is none."""
        text, self._closing = _without_blocks(text, self._closing)
        return without_markup(text)


class Speakable:
    """Applies `speakable` to an answer that arrives in fragments; remembers an open block."""

    def __init__(self) -> None:
        self._closing = ""

    def fragment(self, text: str, language: str = "en") -> str:
        """The spoken part of this fragment; empty if there is none."""
        text, self._closing = _without_blocks(text, self._closing)
        said = speakable(text, language)
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


def _unwrapped(text: str) -> str:
    """The text without HTML, links and footnotes."""
    text = unicodedata.normalize("NFC", html.unescape(text))
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return text


def _cleaned(text: str, code: str) -> str:
    language = language_of(code)
    text = _unwrapped(text)
    text = _addresses(text, language)
    text = _one_line(text)
    text = _POWER.sub("^", text)
    text = _EMPHASIS.sub("", text)
    text = verbalized(text, code)
    for mark, replacement in _SILENT_MARKS:
        text = mark.sub(replacement, text)
    if language is None:
        return _spaced("".join(each for each in text if each in _MEANT or _sounds(each, _SILENT)))
    return _spaced("".join(each for each in text if _sounds(each, _SILENT | _SIGNS)))


def _spaced(text: str) -> str:
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


def _addresses(text: str, language: ReadingRules | None) -> str:
    """The hosts of web addresses and whole mail addresses in words; paths are not spoken."""
    dot = f" {language.words['dot']} " if language else "."
    at = f" {language.words['at']} " if language else " @ "

    def host(found: re.Match[str]) -> str:
        sentence_end = found[0][len(found[0].rstrip(".,;:!?")) :]
        return found[1].rstrip(".,;:!?").replace(".", dot) + sentence_end

    text = _URL.sub(host, text)
    text = _MAIL.sub(lambda found: f"{found[1]}{at}{found[2]}".replace(".", dot), text)
    text = _HOST.sub(lambda found: found[1].replace(".", dot), text)
    return re.sub(r"\bhttps?://", " ", text)


def _sounds(character: str, silent: frozenset[str]) -> bool:
    if character in _SILENT_TOO:
        return False
    return character in _ALLOWED or unicodedata.category(character) not in silent
