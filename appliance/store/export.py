"""Writes a conversation as a document, in pieces, each of a few rows.

Whoever reads the pieces may take a break after each: no transaction is open then, so that a slow
reader holds up neither the write-ahead log nor a deletion. Events are only ever added.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from appliance.conversation import in_one_line
from appliance.store.queries import summary
from appliance.store.records import ConversationSummary

if TYPE_CHECKING:
    from sqlite_utils import Database

Format = Literal["json", "markdown"]

PAGE = 100  # rows: a millisecond or two

SESSIONS = """
SELECT rowid, id, conversation_id, client_id, route, started_at, ended_at, reason FROM sessions
WHERE conversation_id = :id AND rowid > :after ORDER BY rowid LIMIT :page"""

TURNS = """
SELECT id AS rowid, session_id, number, started_at, ended_at, user_text, answer, route, engines,
       left_the_box, timings
FROM turns WHERE conversation_id = :id AND id > :after ORDER BY id LIMIT :page"""

EVENTS = """
SELECT id AS rowid, id, session_id, turn, kind, at, data FROM events
WHERE conversation_id = :id AND id > :after ORDER BY id LIMIT :page"""

STORED_AS_JSON = frozenset({"engines", "timings", "data"})


def pieces(db: "Database", conversation_id: str, fmt: Format) -> Iterator[str]:
    """Yields `json` with summary, sessions, turns and events, or `markdown` with the turns.

    Times in Markdown are in UTC. Raises NotFound before the first piece.
    """
    found = summary(db, conversation_id)
    return _json(db, found) if fmt == "json" else _markdown(db, found)


def _json(db: "Database", found: ConversationSummary) -> Iterator[str]:
    yield f'{{"summary": {json.dumps(asdict(found))}'
    for name, statement in (("sessions", SESSIONS), ("turns", TURNS), ("events", EVENTS)):
        yield f',\n"{name}": ['
        first = True
        for page in _pages(db, found.id, statement):
            lines = ",\n".join(map(_as_json, page))
            yield f"\n{lines}" if first else f",\n{lines}"
            first = False
        yield "]"
    yield "}\n"


def _as_json(row: dict[str, Any]) -> str:
    """A row as an object; what is stored as JSON is not parsed again."""
    cells = (
        f'"{name}": {value if name in STORED_AS_JSON and value else json.dumps(value)}'
        for name, value in row.items()
    )
    return f"{{{', '.join(cells)}}}"


def _markdown(db: "Database", found: ConversationSummary) -> Iterator[str]:
    yield f"# {_escaped(found.title or 'Conversation')}\n\n"
    yield f"{_utc_time(found.created_at)} to {_utc_time(found.updated_at)}, `{found.id}`\n"
    for page in _pages(db, found.id, TURNS):
        paragraphs = chain.from_iterable(map(_paragraphs, page))
        yield "".join(f"\n{paragraph}\n" for paragraph in paragraphs)


def _paragraphs(turn: dict[str, Any]) -> Iterator[str]:
    place = " · left the box" if turn["left_the_box"] else ""
    yield f"## {_utc_time(turn['started_at'])}{place}"
    if turn["user_text"]:
        yield f"**You:** {_escaped(turn['user_text'])}"
    if turn["answer"]:
        yield f"**Assistant:** {_escaped(turn['answer'])}"


def _pages(db: "Database", conversation_id: str, statement: str) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of a statement, some at a time, without their rowid."""
    after = 0
    while True:
        values = {"id": conversation_id, "after": after, "page": PAGE}
        rows = list(db.query(statement, values))
        if not rows:
            return
        after = [row.pop("rowid") for row in rows][-1]
        for row in rows:
            if "left_the_box" in row:
                row["left_the_box"] = bool(row["left_the_box"])
        yield rows


def _escaped(text: str) -> str:
    """Returns one paragraph without Markdown markup or control characters of a terminal."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in in_one_line(text))


def _utc_time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a clock that was far wrong
        return f"{seconds:.0f} s"
