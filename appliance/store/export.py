"""Exports a conversation as a document: JSON with everything, or Markdown to read. Pure."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from appliance.conversation import in_one_line
from appliance.store.records import Conversation, TurnRecord

Format = Literal["json", "markdown"]


def export(conversation: Conversation, fmt: Format = "json") -> str:
    """Returns `json` with summary, sessions, turns and events, or `markdown` with the turns.

    Times in Markdown are in UTC.
    """
    if fmt == "json":
        return json.dumps(asdict(conversation), indent=2) + "\n"
    return "\n\n".join(_paragraphs(conversation)) + "\n"


def _paragraphs(conversation: Conversation) -> Iterator[str]:
    summary = conversation.summary
    yield f"# {_escaped(summary.title or 'Conversation')}"
    yield f"{_utc_time(summary.created_at)} to {_utc_time(summary.updated_at)}, `{summary.id}`"
    for turn in conversation.turns:
        yield from _turn_paragraphs(turn)


def _turn_paragraphs(turn: TurnRecord) -> Iterator[str]:
    place = " · left the box" if turn.left_the_box else ""
    yield f"## {_utc_time(turn.started_at)}{place}"
    if turn.user_text:
        yield f"**You:** {_escaped(turn.user_text)}"
    if turn.answer:
        yield f"**Assistant:** {_escaped(turn.answer)}"


def _escaped(text: str) -> str:
    """Returns one paragraph without Markdown markup or control characters of a terminal."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in in_one_line(text))


def _utc_time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a clock that was far wrong
        return f"{seconds:.0f} s"
