"""Decides from the beginning of a text what it is: a call, a thought, or words. Pure.

Each function returns None where the text may become either with more characters. A decision never
changes with more text, so that it does not depend on how a text was cut into pieces.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_CALL_KEYS: Final = (
    *("name", "function", "tool", "tool_name", "function_name", "recipient_name", "tool_calls"),
    *("tool_call", "function_call", "tool_uses", "type", "action", "arguments", "parameters"),
)
_CALL_OBJECT = re.compile(r"(?:\[\s*)*\{\s*[\"'](?:" + "|".join(_CALL_KEYS) + r")[\"']\s*:")
_CALL_OBJECT_PART = re.compile(r"(?:\[\s*)*(?:\{\s*(?:[\"'](\w*)(?:[\"']\s*)?)?)?")
_PYTHON_LIST = re.compile(r"\[\s*([\w.]+)\s*\(")
_PYTHON_LIST_PART = re.compile(r"\[\s*([\w.]*)\s*")

_CHANNEL_WORDS: Final = tuple(
    f"{role}{channel}"
    for role in ("", "assistant")
    for channel in ("analysis", "commentary", "final")
)
_CHANNEL = re.compile(r"(?:assistant)?(analysis|commentary|final)(?=<\|message\|>|[A-Z])")
_CHANNEL_MARK: Final = "<|message|>"

_LEAD_WORDS: Final = ("okay", "ok", "alright", "all right", "hmm", "so", "well", "now", "first")
_LEAD = re.compile(r"(?:(?:" + "|".join(_LEAD_WORDS) + r")\b[\s,.!…]*)*", re.IGNORECASE)
_TO_ANSWER: Final = (
    "answer",
    "respond",
    "reply",
    "figure",
    "determine",
    "think",
    "consider",
    "call",
)
_THOUGHT_PHRASES: Final = (
    *("the user", "the human", "user asks", "user wants", "user says", "user said"),
    *("let me think", "let's think", "the question is", "the query", "the prompt"),
    *(f"{who} need to {verb}" for who in ("i", "we") for verb in _TO_ANSWER),
    *(f"{who} should {verb}" for who in ("i", "we") for verb in _TO_ANSWER),
)
_LONGEST_LEAD: Final = 60
"""Characters within which a thought shows itself."""


def begins_call(text: str, offered: Collection[str]) -> bool | None:
    """Whether a text that begins with a bracket begins a call as JSON or as a list of Python."""
    if _CALL_OBJECT.match(text):
        return True
    if (listed := _PYTHON_LIST.match(text)) and listed[1].rpartition(".")[2] in offered:
        return True
    part = _CALL_OBJECT_PART.fullmatch(text)
    if part and any(key.startswith(part[1] or "") for key in _CALL_KEYS):
        return None
    part = _PYTHON_LIST_PART.fullmatch(text)
    if part and any(name.startswith(part[1].rpartition(".")[2]) for name in offered):
        return None
    return False


def channel_of(text: str) -> re.Match[str] | bool | None:
    """The channel that an answer of gpt-oss begins with where the marks around it were lost.

    ("analysisThe user asks … assistantfinalIt is noon.") False where it begins with none.
    """
    if match := _CHANNEL.match(text):
        return match
    for word in _CHANNEL_WORDS:
        rest = text[len(word) :]
        if word.startswith(text) or (text.startswith(word) and _CHANNEL_MARK.startswith(rest)):
            return None
    return False


def begins_thought(text: str) -> bool | None:
    """Whether an answer begins as reasoning models think, so that an opening mark may be missing.

    It is no certain sign: it only decides that the end of the thought is waited for.
    """
    lead = _LEAD.match(text)
    rest = text[lead.end() if lead else 0 :].lower().replace("’", "'")
    for phrase in _THOUGHT_PHRASES:
        after = rest[len(phrase) :][:1]
        if rest.startswith(phrase) and after and not after.isalnum():
            return True
    if len(text) >= _LONGEST_LEAD:
        return False
    possible = (*_THOUGHT_PHRASES, *_LEAD_WORDS)
    return None if any(each.startswith(rest) for each in possible) else False


@dataclass(slots=True)
class BracketScanner:
    """Finds the end of a bracketed text of JSON or Python, fed character by character."""

    depth: int = 0
    _quote: str = ""
    _escaped: bool = False

    def ends_with(self, character: str) -> bool:
        """Whether this character closes the bracket that the first one opened."""
        if self._escaped:
            self._escaped = False
        elif self._quote:
            if character == "\\":
                self._escaped = True
            elif character == self._quote:
                self._quote = ""
        elif character in "\"'":
            self._quote = character
        elif character in "([{":
            self.depth += 1
        elif character in ")]}":
            self.depth -= 1
            return self.depth <= 0
        return False
