"""Maintains the full-text index of what was said; a damaged one is rebuilt from the events."""

import json
import logging
import sqlite3
from typing import TYPE_CHECKING

from appliance.conversation import EventKind
from appliance.store.connection import is_transient, transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

INDEXED_KINDS = frozenset({EventKind.USER_TRANSCRIPT, EventKind.ANSWER})
NEEDS_REBUILD = 1  # as user_version: the index is rebuilt at the next start


def indexed_text(kind: str, text: object) -> str:
    """Returns the words of an event that can be searched for; empty where it has none.

    Half of a surrogate pair, which UTF-8 cannot encode, becomes "?".
    """
    if kind not in INDEXED_KINDS or not isinstance(text, str):
        return ""
    return text.encode("utf-8", "replace").decode()


def add(db: "Database", event_id: int, words: str) -> None:
    """Indexes the words of an event, inside the transaction that writes the event.

    A damaged index does not fail that transaction: it is marked and rebuilt at the next start.
    """
    db.execute("SAVEPOINT words")
    try:
        # Releasing a savepoint makes FTS5 write what it has gathered. When that fails, this
        # savepoint is gone, and only an outer one can be rolled back to.
        db.execute("SAVEPOINT insertion")
        _insert(db, event_id, words)
        db.execute("RELEASE insertion")
        db.execute("RELEASE words")
    except sqlite3.DatabaseError as error:
        if is_transient(error):
            raise
        log.error("the search index is damaged; the next start rebuilds it: %s", error)
        db.execute("ROLLBACK TO words")
        db.execute("RELEASE words")
        db.execute(f"PRAGMA user_version = {NEEDS_REBUILD}")


def repair(db: "Database", *, thoroughly: bool) -> None:
    """Rebuilds an index that is marked as damaged or, checked `thoroughly`, found to be damaged."""
    (mark,) = db.execute("PRAGMA user_version").fetchone()
    if mark == NEEDS_REBUILD or (thoroughly and not _is_sound(db)):
        log.warning("rebuilding the search index")
        rebuild(db)


def _insert(db: "Database", event_id: int, words: str) -> None:
    db.execute("INSERT INTO spoken (rowid, text) VALUES (?, ?)", (event_id, words))


def _is_sound(db: "Database") -> bool:
    try:
        db.execute("INSERT INTO spoken (spoken) VALUES ('integrity-check')")
    except sqlite3.DatabaseError as error:
        if is_transient(error):
            raise
        return False
    return True


def rebuild(db: "Database") -> None:
    """Drops and fills the index by hand.

    A damaged index refuses FTS5's own 'rebuild' command, and DROP TABLE as well.
    """
    (statement,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'spoken'").fetchone()
    (version,) = db.execute("PRAGMA schema_version").fetchone()
    with transaction(db):
        # Without its entry in the schema, the tables below the index are ordinary ones.
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_master WHERE name = 'spoken'")
        db.execute(f"PRAGMA schema_version = {version + 1}")
        db.execute("PRAGMA writable_schema = RESET")
        for part in ("data", "idx", "content", "docsize", "config"):
            db.execute(f"DROP TABLE spoken_{part}")
        db.execute(statement)
        kinds = ", ".join(f"'{kind}'" for kind in sorted(INDEXED_KINDS))
        rows = db.execute(f"SELECT id, kind, data FROM events WHERE kind IN ({kinds})").fetchall()
        for event_id, kind, data in rows:
            if words := indexed_text(kind, json.loads(data).get("text")):
                _insert(db, event_id, words)
        db.execute("PRAGMA user_version = 0")
