"""The full-text index over what was said. It holds nothing of its own, so it can be made again."""

import json
import logging
import sqlite3
from typing import TYPE_CHECKING

from appliance.conversation import EventKind
from appliance.store.connection import transaction
from appliance.store.faults import is_passing

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

WORDS = frozenset({EventKind.USER_TRANSCRIPT, EventKind.ANSWER})
SPOILT = 1  # as user_version: to be made again at the next start


def words_of(kind: str, text: object) -> str:
    """What of an event is searched for; half of a surrogate pair, which UTF-8 lacks, is a "?"."""
    if kind not in WORDS or not isinstance(text, str):
        return ""
    return text.encode("utf-8", "replace").decode()


def add(db: "Database", event_id: int, words: str) -> None:
    """In the transaction of the event, which must not fail because the index is damaged."""
    db.execute("SAVEPOINT words")
    try:
        # Releasing a savepoint makes FTS5 write what it gathered. When that fails, the released one
        # is gone, and only an outer one can be gone back to.
        db.execute("SAVEPOINT insertion")
        _insert(db, event_id, words)
        db.execute("RELEASE insertion")
        db.execute("RELEASE words")
    except sqlite3.DatabaseError as error:
        if is_passing(error):
            raise
        log.error("the search index is damaged, the next start makes it again: %s", error)
        db.execute("ROLLBACK TO words")
        db.execute("RELEASE words")
        db.execute(f"PRAGMA user_version = {SPOILT}")


def repair(db: "Database", *, thoroughly: bool) -> None:
    """Makes the index again if it is known to be damaged or, looking `thoroughly`, found to be."""
    (mark,) = db.execute("PRAGMA user_version").fetchone()
    if mark == SPOILT or (thoroughly and not _is_sound(db)):
        log.warning("making the search index again")
        _make_again(db)


def _insert(db: "Database", event_id: int, words: str) -> None:
    db.execute("INSERT INTO spoken (rowid, text) VALUES (?, ?)", (event_id, words))


def _is_sound(db: "Database") -> bool:
    try:
        db.execute("INSERT INTO spoken (spoken) VALUES ('integrity-check')")
    except sqlite3.DatabaseError as error:
        if is_passing(error):
            raise
        return False
    return True


def _make_again(db: "Database") -> None:
    """Not by 'rebuild' or DROP TABLE, which a damaged index refuses as well."""
    (statement,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'spoken'").fetchone()
    (version,) = db.execute("PRAGMA schema_version").fetchone()
    with transaction(db):
        # Without its entry in the schema, its tables are ordinary ones.
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_master WHERE name = 'spoken'")
        db.execute(f"PRAGMA schema_version = {version + 1}")
        db.execute("PRAGMA writable_schema = RESET")
        for part in ("data", "idx", "content", "docsize", "config"):
            db.execute(f"DROP TABLE spoken_{part}")
        db.execute(statement)
        kinds = ", ".join(f"'{kind}'" for kind in sorted(WORDS))
        rows = db.execute(f"SELECT id, kind, data FROM events WHERE kind IN ({kinds})").fetchall()
        for event_id, kind, data in rows:
            if words := words_of(kind, json.loads(data).get("text")):
                _insert(db, event_id, words)
        db.execute("PRAGMA user_version = 0")
