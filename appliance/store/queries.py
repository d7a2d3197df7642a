"""Reads conversations from the database, with or without a running daemon. Synchronous.

The functions take a connection from `reading`. The daemon runs them off its event loop; the
command line calls them directly.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.conversation import EventKind
from appliance.errors import NotFound, StoreError
from appliance.store.connection import text_of
from appliance.store.database import check_version, migrations
from appliance.store.records import (
    Conversation,
    ConversationSummary,
    EventRecord,
    SearchHit,
    SessionRecord,
    TurnPage,
    TurnRecord,
    TurnTraceRecord,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

SEARCH_WORDS = 16  # more of them only cost time

SUMMARIES = """
SELECT c.id, c.title, c.client_id, c.created_at, c.updated_at, c.language,
       (SELECT count(*) FROM turns WHERE conversation_id = c.id) AS turns
FROM conversations AS c"""

TURN_COLUMNS = """session_id, number, started_at, ended_at, user_text, answer, route, engines,
       left_the_box, timings"""

LATEST_TURNS = f"SELECT {TURN_COLUMNS} FROM turns WHERE conversation_id = ? ORDER BY id DESC"

# An answer in several parts has a trace after each; the last one counts.
TRACES = """
SELECT e.conversation_id, e.session_id, e.turn, e.at, coalesce(t.user_text, '') AS user_text, e.data
FROM events AS e LEFT JOIN turns AS t ON t.conversation_id = e.conversation_id
     AND t.session_id = e.session_id AND t.number = e.turn
WHERE e.id IN (SELECT max(id) FROM events WHERE kind = :kind
               AND (:conversation_id IS NULL OR conversation_id = :conversation_id)
               GROUP BY conversation_id, session_id, turn)
ORDER BY e.id DESC LIMIT :limit"""

MATCHES = """
SELECT e.conversation_id, c.client_id, c.title, e.session_id, e.turn, e.kind, e.at,
       snippet(spoken, 0, '[', ']', '…', 24) AS excerpt
FROM spoken JOIN events AS e ON e.id = spoken.rowid
            JOIN conversations AS c ON c.id = e.conversation_id
WHERE spoken MATCH :words AND c.deleted_at IS NULL
      AND (:client_id IS NULL OR c.client_id = :client_id)
ORDER BY spoken.rowid DESC LIMIT :limit"""


@contextmanager
def reading(path: Path) -> Iterator["Database"]:
    """Opens a read-only connection, which never holds up the writer.

    Raises StoreError when there is no database of this version, or it cannot be read.
    """
    from sqlite_utils import Database  # heavy: loads its plugins and click

    if not path.exists():
        raise StoreError(
            f"there is no database at {path}",
            advice="The appliance creates it at its first start; check store.path.",
        )
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=5,
            isolation_level=None,
            check_same_thread=False,  # a stream goes on with any thread, one at a time
        )
        try:
            connection.text_factory = text_of
            db = Database(connection)
            _check_current(db, path)
            yield db
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def conversations(
    db: "Database", limit: int = 50, before: str | None = None, client_id: str | None = None
) -> list[ConversationSummary]:
    """Returns a page of conversations, the latest used first.

    The next page are those `before` the last id of this one; `client_id` selects what that client
    started. Raises NotFound for an unknown `before`.
    """
    at: float | None = None
    if before is not None:
        at = summary(db, before).updated_at
    rows = db.query(
        f"""{SUMMARIES}
        WHERE c.deleted_at IS NULL AND (:before IS NULL OR (c.updated_at, c.id) < (:at, :before))
          AND (:client_id IS NULL OR c.client_id = :client_id)
        ORDER BY c.updated_at DESC, c.id DESC LIMIT :limit""",
        {"before": before, "at": at, "client_id": client_id, "limit": limit},
    )
    return [ConversationSummary(**row) for row in rows]


def summary(db: "Database", conversation_id: str) -> ConversationSummary:
    """Returns one conversation without its words. Raises NotFound, also for a deleted one."""
    where = "WHERE c.id = ? AND c.deleted_at IS NULL"
    for row in db.query(f"{SUMMARIES} {where}", (conversation_id,)):
        return ConversationSummary(**row)
    raise unknown_conversation(conversation_id)


def owner(db: "Database", conversation_id: str) -> str | None:
    """Returns the client whose conversation it is, which may be unknown: None.

    Raises NotFound. A conversation whose deletion can be undone has its owner still.
    """
    statement = "SELECT client_id FROM conversations WHERE id = ?"
    row = db.execute(statement, (conversation_id,)).fetchone()
    if row is None:
        raise unknown_conversation(conversation_id)
    found: str | None = row[0]
    return found


def hidden_conversations(db: "Database") -> list[str]:
    """Returns the ids of the conversations whose deletion can still be undone."""
    statement = "SELECT id FROM conversations WHERE deleted_at IS NOT NULL"
    return [row[0] for row in db.execute(statement).fetchall()]


def turn_page(
    db: "Database", conversation_id: str, limit: int, before: int | None = None
) -> TurnPage:
    """Returns the last turns of a conversation, or those `before` a page, oldest first.

    Raises NotFound.
    """
    rows = list(
        db.query(
            f"""SELECT id, {TURN_COLUMNS} FROM turns
            WHERE conversation_id = :id AND (:before IS NULL OR id < :before)
            ORDER BY id DESC LIMIT :limit""",
            {"id": conversation_id, "before": before, "limit": limit + 1},
        )
    )
    page = rows[:limit]
    earlier = page[-1]["id"] if len(rows) > limit else None
    turns = [_turn({key: row[key] for key in row if key != "id"}) for row in reversed(page)]
    return TurnPage(summary(db, conversation_id), tuple(turns), earlier)


def conversation_ids(db: "Database", prefix: str) -> list[str]:
    """Returns the ids of all conversations that begin with `prefix`."""
    statement = "SELECT id FROM conversations WHERE substr(id, 1, ?) = ?"
    return [row[0] for row in db.execute(statement, (len(prefix), prefix)).fetchall()]


def conversation(db: "Database", conversation_id: str) -> Conversation:
    """Returns all that is kept of a conversation. Raises NotFound."""
    db.execute("BEGIN")  # so that all four queries see the same state
    try:
        return Conversation(
            summary(db, conversation_id),
            tuple(_sessions(db, conversation_id)),
            tuple(_turns(db, conversation_id, limit=-1)),
            tuple(_events(db, conversation_id)),
        )
    finally:
        db.rollback()


def recent_turns(db: "Database", conversation_id: str, n: int) -> list[TurnRecord]:
    """Returns the last `n` turns, oldest first; none for an unknown conversation."""
    return _turns(db, conversation_id, limit=max(n, 0))


def turn_traces(
    db: "Database", n: int, conversation_id: str | None = None
) -> list[TurnTraceRecord]:
    """Returns the traces of the last `n` turns, of one conversation or of all, oldest first.

    Raises NotFound for an unknown conversation.
    """
    if conversation_id is not None:
        summary(db, conversation_id)
    rows = db.query(
        TRACES,
        {"kind": EventKind.TURN_TRACE, "conversation_id": conversation_id, "limit": max(n, 0)},
    )
    return [
        TurnTraceRecord(
            *(row["conversation_id"], row["session_id"], row["turn"], row["at"]),
            *(row["user_text"], json.loads(row["data"])),
        )
        for row in rows
    ][::-1]


def user_texts(db: "Database", client_id: str, begin: float, end: float) -> list[str]:
    """Returns what a client said from `begin` until `end`, in seconds since the epoch, in order."""
    rows = db.query(
        """SELECT turns.user_text AS said
        FROM turns JOIN conversations ON conversations.id = turns.conversation_id
        WHERE conversations.client_id = ? AND started_at >= ? AND started_at < ?
            AND user_text != ''
        ORDER BY turns.id""",
        (client_id, begin, end),
    )
    return [str(row["said"]) for row in rows]


def search(
    db: "Database", text: str, limit: int = 50, client_id: str | None = None
) -> list[SearchHit]:
    """Returns the transcripts and answers that contain all words of `text`, newest first.

    Each word matches by its beginning; anything that is not a word is ignored.
    """
    # By re, not str.split, so that punctuation is left out. Quotes keep FTS5 from reading a word as
    # an operator.
    words = re.findall(r"[^\W_]+", text)[:SEARCH_WORDS]
    if not words:
        return []
    query = " ".join(f'"{word}"*' for word in words)
    rows = db.query(MATCHES, {"words": query, "client_id": client_id, "limit": limit})
    return [SearchHit(**row) for row in rows]


def unknown_conversation(conversation_id: str) -> NotFound:
    return NotFound(
        f"there is no conversation {conversation_id!r}",
        advice="`appliance conversations list` shows which conversations are kept.",
    )


def _check_current(db: "Database", path: Path) -> None:
    try:
        check_version(db, path)
        pending = migrations().pending(db)
    except OSError as error:  # no more files can be opened
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    if pending:
        raise StoreError(
            f"{path} was written by an older version of the appliance",
            advice="Start the appliance once; it brings the database up to date.",
        )


def _sessions(db: "Database", conversation_id: str) -> list[SessionRecord]:
    rows = db.query(
        """SELECT id, conversation_id, client_id, route, started_at, ended_at, reason
        FROM sessions WHERE conversation_id = ? ORDER BY rowid""",
        (conversation_id,),
    )
    return [SessionRecord(**row) for row in rows]


def _turns(db: "Database", conversation_id: str, limit: int) -> list[TurnRecord]:
    rows = db.query(
        f"{LATEST_TURNS} LIMIT ?",
        (conversation_id, limit),
    )
    return [_turn(row) for row in rows][::-1]


def _turn(row: dict[str, Any]) -> TurnRecord:
    parsed = {key: row[key] and json.loads(row[key]) for key in ("engines", "timings")}
    return TurnRecord(**{**row, **parsed, "left_the_box": bool(row["left_the_box"])})


def _events(db: "Database", conversation_id: str) -> list[EventRecord]:
    rows = db.query(
        """SELECT id, session_id, turn, kind, at, data
        FROM events WHERE conversation_id = ? ORDER BY id""",
        (conversation_id,),
    )
    return [EventRecord(**{**row, "data": json.loads(row["data"])}) for row in rows]
