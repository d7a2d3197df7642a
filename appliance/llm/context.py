"""The part of a conversation that fits into a language model's context. Pure."""

from collections.abc import Sequence
from typing import Any

Messages = list[dict[str, Any]]


def tokens(message: dict[str, Any]) -> int:
    """An estimate of a message's tokens: one for four characters, and four for its frame."""
    content = message.get("content") or ""
    calls = message.get("tool_calls") or ""
    return 4 + (len(str(content)) + len(str(calls))) // 4


def trim(messages: Sequence[dict[str, Any]], budget: int) -> Messages:
    """The newest messages that fit into `budget` tokens, beginning with the user's.

    The last message is always kept. A tool's result is never kept without its call, because
    models refuse such a context.
    """
    kept: Messages = []
    left = budget
    for message in reversed(messages):
        left -= tokens(message)
        if left < 0 and kept:
            break
        kept.insert(0, message)
    while len(kept) > 1 and kept[0].get("role") not in ("user", "developer", "system"):
        kept.pop(0)
    return kept


def from_history(turns: Sequence[tuple[str, str]]) -> Messages:
    """Earlier turns, each the user's words and the answer as heard, as messages."""
    messages: Messages = []
    for question, answer in turns:
        if question:
            messages.append({"role": "user", "content": question})
        if answer:
            messages.append({"role": "assistant", "content": answer})
    return messages
