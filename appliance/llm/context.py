"""The part of a conversation that fits into a language model's context. Pure."""

from collections.abc import Sequence
from typing import Any, Final

Messages = list[dict[str, Any]]

_KEPT_CHARACTERS = 200
"""A message is not shortened below this."""


def tokens(message: dict[str, Any]) -> int:
    """An estimate of a message's tokens: one for four characters, and four for its frame."""
    content = message.get("content") or ""
    calls = message.get("tool_calls") or ""
    return 4 + (len(str(content)) + len(str(calls))) // 4


TRIMMED_SHARE: Final = 0.6
"""What is left of a budget that is used up. Every trim moves the beginning of the prompt, which a
model then has to compute anew; so it is done rarely, and in big steps."""


def history_budget(window: int, fixed: int, answer: int) -> int:
    """Tokens that a conversation may take of a context of `window`.

    `fixed` is what system prompt and tools take, `answer` the longest answer. At least a quarter
    of the window is left, so that the question at least is heard.
    """
    return max(window // 4, window - fixed - answer)


def trim(messages: Sequence[dict[str, Any]], budget: int) -> Messages:
    """All messages while they fit into `budget` tokens; else the newest that fit into 60 % of it.

    The first that is kept is the user's. The last message is always kept. A tool's result is never
    kept without its call, because models refuse such a context.
    """
    if sum(map(tokens, messages)) <= budget:
        return _from_the_user_on(list(messages))
    kept: Messages = []
    left = int(budget * TRIMMED_SHARE)
    for message in reversed(messages):
        left -= tokens(message)
        if left < 0 and kept:
            break
        kept.insert(0, message)
    return _from_the_user_on(kept)


def _from_the_user_on(kept: Messages) -> Messages:
    while len(kept) > 1 and kept[0].get("role") not in ("user", "developer", "system"):
        kept.pop(0)
    return kept


def estimated_tokens(messages: Sequence[dict[str, Any]]) -> int:
    """An estimate of the tokens of all messages."""
    return sum(map(tokens, messages))


def shortened(messages: Sequence[dict[str, Any]], budget: int | None) -> Messages:
    """The messages within `budget` tokens; all of them where there is no budget.

    System messages at the beginning stay. A single message that is too long keeps its beginning.
    """
    if budget is None or estimated_tokens(messages) <= budget:
        return list(messages)
    first = next((n for n, m in enumerate(messages) if m.get("role") != "system"), len(messages))
    system, rest = list(messages[:first]), messages[first:]
    left = max(1, budget - estimated_tokens(system))
    kept = trim(rest, left)
    longest = max(kept, key=tokens, default=None)
    if longest is not None and estimated_tokens(kept) > left:
        content = longest.get("content")
        if isinstance(content, str) and len(content) > _KEPT_CHARACTERS:
            room = max(_KEPT_CHARACTERS, len(content) // 2)
            kept = [{**m, "content": content[:room]} if m is longest else m for m in kept]
    return system + kept


def from_history(turns: Sequence[tuple[str, str]]) -> Messages:
    """Earlier turns, each the user's words and the answer as heard, as messages."""
    messages: Messages = []
    for question, answer in turns:
        if question:
            messages.append({"role": "user", "content": question})
        if answer:
            messages.append({"role": "assistant", "content": answer})
    return messages
