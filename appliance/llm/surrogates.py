"""Joins or replaces lone surrogates, which some servers send where they cut an emoji in two.

A text with a lone surrogate cannot be encoded: it would break whatever writes it to a socket or a
database. Pure.
"""

import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH = ("\ud800", "\udbff")


def valid_text(text: str) -> str:
    """The text with halves of a pair joined, and U+FFFD in place of a half without its other."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def valid_json(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A JSON value in which every text, keys included, is valid."""
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, list | tuple):
        return [valid_json(item) for item in value]
    if isinstance(value, dict):
        return {valid_json(key): valid_json(item) for key, item in value.items()}
    return value


class SurrogateJoiner:
    """Makes valid text of fragments: a high surrogate waits for the low one of the next."""

    def __init__(self) -> None:
        self._high = ""

    def feed(self, fragment: str) -> str:
        """The valid text of a fragment, as far as it is certain."""
        text, self._high = self._high + fragment, ""
        if text and _HIGH[0] <= text[-1] <= _HIGH[1]:
            text, self._high = text[:-1], text[-1]
        return valid_text(text)

    def end(self) -> str:
        """What is left of the text."""
        rest, self._high = self._high, ""
        return valid_text(rest)
