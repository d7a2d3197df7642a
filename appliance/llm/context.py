"""What a language model is shown of a conversation. Pure."""

from collections.abc import Sequence
from typing import Any

Messages = list[dict[str, Any]]


def tokens(message: dict[str, Any]) -> int:
    """About how many tokens a message costs: four characters each, and four for its frame."""
    content = message.get("content") or ""
    calls = message.get("tool_calls") or ""
    return 4 + (len(str(content)) + len(str(calls))) // 4


def trim(messages: Sequence[dict[str, Any]], budget: int) -> Messages:
    """The newest messages that fit into `budget` tokens, beginning with a user's.

    The last message always stays. A tool's result never stands without the call it answers:
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
    """Earlier turns, (user's words, answer as heard), as messages."""
    messages: Messages = []
    for said, answer in turns:
        if said:
            messages.append({"role": "user", "content": said})
        if answer:
            messages.append({"role": "assistant", "content": answer})
    return messages
