"""The blocks of an answer that are no words, while they are open. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from appliance.llm.openings import BracketScanner
from appliance.llm.prose_scanner import FENCE
from appliance.llm.template_marks import Mark, finder, prefixes
from appliance.llm.written_calls import WrittenCall, unfinished_call, written_calls

_CALL_LANGUAGES: Final = (
    "json",
    "tool_code",
    "tool_call",
    "tool_calls",
    "tool",
    "xml",
    "python",
    "",
)
_LONGEST_LANGUAGE: Final = max(map(len, _CALL_LANGUAGES))
_AFTER_CALL = re.compile(r"[ \t]*(?:[\n;]|$)")


@dataclass(slots=True)
class OpenBlock:
    """A block: what it is, the marks that close it, and its text so far.

    `name` is that of the tool that it calls, where the mark named one. A block `in_doubt` is a
    thought only if its closing mark comes.
    """

    mark: Mark
    closings: tuple[str, ...]
    text: str = ""
    name: str = ""
    in_doubt: bool = False
    pattern: re.Pattern[str] | None = field(init=False)
    beginnings: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = finder(self.closings) if self.closings else None
        self.beginnings = prefixes(self.closings)


@dataclass(slots=True)
class BracketedCall:
    """What may be a call without any mark: JSON in brackets, or an expression of Python."""

    longest: int
    text: str = ""
    is_closed: bool = False
    _scanner: BracketScanner = field(default_factory=BracketScanner)

    @property
    def _is_bare(self) -> bool:
        return self.text.lstrip()[:1] not in ("[", "{")

    def feed(self, text: str) -> str:
        """Takes the text up to the closing bracket; returns the rest."""
        if self.is_closed or len(self.text) > self.longest:
            return text
        for number, character in enumerate(text, start=1):
            self.is_closed = self._scanner.ends_with(character)
            if self.is_closed or len(self.text) + number > self.longest:
                self.text += text[:number]
                return text[number:]
        self.text += text
        return ""

    def is_complete(self, behind: str) -> bool:
        """Whether it is decided what it is; `behind` is the text behind it so far."""
        if not self.is_closed:
            return len(self.text) > self.longest
        return not self._is_bare or bool(behind.strip(" \t"))

    def calls(self, offered: Collection[str], behind: str) -> list[WrittenCall]:
        """The calls; none where it is words. A bare expression is one only if its line ends."""
        is_mentioned = self._is_bare and self.is_closed and not _AFTER_CALL.match(behind)
        if is_mentioned or len(self.text) > self.longest:
            return []
        calls = written_calls(self.text, offered)
        unread = None if calls else unfinished_call(self.text, offered)
        return calls or ([unread] if unread and unread.name in offered else [])


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code of so many characters; `content` is empty where it cannot be a call."""

    size: int
    content: str

    @classmethod
    def of(cls, text: str, longest: int, *, complete: bool) -> "Fence | None":
        """The block that a text begins with; None while it is undecided."""
        info, newline, _ = text[len(FENCE) :].partition("\n")
        end = text.find(FENCE, len(FENCE))
        is_open = end < 0 and not complete
        if is_open and not newline and len(info) <= _LONGEST_LANGUAGE:
            return None
        size = len(text) if end < 0 else end + len(FENCE)
        may_call = bool(newline) and info.strip().lower() in _CALL_LANGUAGES and size <= longest
        if is_open and may_call:
            return None
        content = text[len(FENCE) + len(info) : size].removesuffix(FENCE).strip()
        is_line = info.strip() not in ("python", "") or "\n" not in content
        return cls(size, content if may_call and is_line else "")

    def calls(self, offered: Collection[str]) -> list[WrittenCall]:
        """The calls that the block consists of."""
        calls = written_calls(self.content, offered) if self.content else []
        return calls if all(call.name in offered for call in calls) else []
