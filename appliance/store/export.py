"""A conversation as a document: JSON with everything, or Markdown to read. Pure."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from appliance.conversation import in_one_line
from appliance.store.records import Conversation, TurnRecord

Format = Literal["json", "markdown"]


def export(conversation: Conversation, fmt: Format = "json") -> str:
    """`json`: summary, sessions, turns and events. `markdown`: the turns, times in UTC."""
    if fmt == "json":
        return json.dumps(asdict(conversation), indent=2) + "\n"
    return "\n\n".join(_markdown(conversation)) + "\n"


def _markdown(conversation: Conversation) -> Iterator[str]:
    summary = conversation.summary
    yield f"# {_line(summary.title or 'Conversation')}"
    yield f"{_moment(summary.created_at)} to {_moment(summary.updated_at)}, `{summary.id}`"
    for turn in conversation.turns:
        yield from _turn(turn)


def _turn(turn: TurnRecord) -> Iterator[str]:
    place = " · left the box" if turn.left_the_box else ""
    yield f"## {_moment(turn.started_at)}{place}"
    if turn.user_text:
        yield f"**You:** {_line(turn.user_text)}"
    if turn.answer:
        yield f"**Assistant:** {_line(turn.answer)}"


def _line(text: str) -> str:
    """One paragraph whose words cannot be taken for markup, nor for a terminal's commands."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in in_one_line(text))


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a clock that was far out
        return f"{seconds:.0f} s"
