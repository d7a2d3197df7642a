"""Finds the places of a text at which something other than words may begin. Pure."""

import re
from collections.abc import Collection
from enum import Enum, auto
from typing import Final

from appliance.llm.openings import begins_call
from appliance.llm.template_marks import ALL_PREFIXES, ANY_MARK, unfinished_mark

FENCE: Final = "```"
_QUOTES: Final = "`\"'"
_LINE = re.compile(r"[^\n]*\Z")
_PLACE = re.compile(rf"{ANY_MARK.pattern}|{FENCE}|[\[{{]", re.IGNORECASE | re.ASCII)


class Meaning(Enum):
    """What begins at a place."""

    WORDS = auto()
    MARK = auto()
    FENCE = auto()
    CALL = auto()
    UNDECIDED = auto()
    """The next characters decide."""


class ProseScanner:
    """Scans texts in which the tools of those names may be called.

    `last` is the character before the text, a line feed at the beginning of the answer.
    """

    def __init__(self, offered: Collection[str]) -> None:
        self._offered = offered
        names = "|".join(map(re.escape, sorted(offered))) or r"(?!)"
        self._bare_call = re.compile(rf"^[ \t]*(?:{names})\s*\(", re.MULTILINE)

    @staticmethod
    def next_place(text: str, position: int) -> re.Match[str] | None:
        """The next place where something may begin."""
        return _PLACE.search(text, position)

    def meaning(self, text: str, place: re.Match[str], last: str, *, complete: bool) -> Meaning:
        """What begins at a place; words where the text is `complete` and it is undecided."""
        found: bool | None
        if place[0] == FENCE:
            return Meaning.FENCE
        if place[0] in ("{", "["):
            rest = text[place.start() :]
            found = None if rest.lower() in ALL_PREFIXES else begins_call(rest, self._offered)
            meaning = Meaning.CALL
        else:
            quoted = _is_quoted(text, place, last)
            found = None if quoted is None else not quoted
            meaning = Meaning.MARK
            if found is None and complete:
                return meaning
        if found is None:
            return Meaning.WORDS if complete else Meaning.UNDECIDED
        return meaning if found else Meaning.WORDS

    def bare_call(self, text: str, last: str) -> re.Match[str] | None:
        """The beginning of a call as an expression, at the beginning of a line."""
        for match in self._bare_call.finditer(text):
            if match.start() or last == "\n":
                return match
        return None

    def held(self, text: str, position: int, last: str) -> int:
        """The characters at the end that may still become a mark, a fence or a call."""
        ticks = len(text) - len(text.rstrip("`"))
        held = max(unfinished_mark(text[position:]), ticks % len(FENCE))
        line = _LINE.search(text)
        assert line is not None
        if line.start() == 0 and last != "\n":
            return held
        start = line[0].strip()
        if start and any(name.startswith(start) for name in self._offered):
            held = max(held, len(line[0]))
        return held


def _is_quoted(text: str, mark: re.Match[str], last: str) -> bool | None:
    """Whether a mark is in quotes: it is talked about, not used."""
    before = text[mark.start() - 1] if mark.start() else last
    if before not in _QUOTES:
        return False
    after = text[mark.end() : mark.end() + 1]
    return after == before if after else None
