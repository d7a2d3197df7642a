"""Takes over what can be read of a damaged database into a fresh one.

A table is read from its first row until a page cannot be read, and from its last row backwards: of
one spoilt page only its own rows are lost. Rows that do not fit the schema are left behind.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.store import search_index
from appliance.store.connection import text_of, transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

# Also what the module raises where a message of SQLite quotes spoilt letters of the schema.
UNREADABLE = (sqlite3.Error, UnicodeError)
JSON_COLUMNS = frozenset({"data", "engines", "timings"})

# A conversation of which only events are left belongs to nobody: administrators see it.
ADOPT_ORPHANS = """
INSERT INTO conversations (id, created_at, updated_at)
SELECT conversation_id, min(at), max(at) FROM events
WHERE conversation_id NOT IN (SELECT id FROM conversations) GROUP BY conversation_id"""

DEPENDENT = ("sessions", "turns", "tasks")


def salvage(damaged: Path, db: "Database") -> int:
    """Copies every row that can be read into `db`; returns their number. The rest is lost."""
    saved = 0
    with suppress(*UNREADABLE), closing(_open(damaged)) as source:
        db.execute("PRAGMA foreign_keys = OFF")
        try:
            for table in _tables(db):
                saved += _copy(source, db, table)
            _mend(db)
        finally:
            db.execute("PRAGMA foreign_keys = ON")
    log.warning("%d rows of the damaged database were saved", saved)
    return saved


def _open(damaged: Path) -> sqlite3.Connection:
    source = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
    source.text_factory = text_of
    return source


def _tables(db: "Database") -> list[str]:
    """The tables whose rows are taken over; the search index is made from them."""
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
    return [name for (name,) in rows.fetchall() if not name.startswith(("sqlite_", "_", "spoken"))]


def _copy(source: sqlite3.Connection, db: "Database", table: str) -> int:
    wanted = [row[1] for row in db.execute(f"PRAGMA table_info({table})").fetchall()]
    with suppress(*UNREADABLE):
        there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
        columns = [name for name in wanted if name in there]
        if columns:
            with transaction(db):
                return _insert(db, table, columns, _readable_rows(source, table, columns))
    return 0


def _readable_rows(
    source: sqlite3.Connection, table: str, columns: Sequence[str]
) -> Iterator[Sequence[Any]]:
    statement = f"SELECT rowid, {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY rowid"
    last: int | None = None
    with suppress(*UNREADABLE):
        for rowid, *values in source.execute(statement):
            last = rowid
            yield values
        return
    with suppress(*UNREADABLE):
        for rowid, *values in source.execute(f"{statement} DESC"):
            if last is not None and rowid <= last:
                return
            yield values


def _insert(
    db: "Database", table: str, columns: Sequence[str], rows: Iterator[Sequence[Any]]
) -> int:
    places = ", ".join("?" * len(columns))
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({places})"
    saved = 0
    for values in rows:
        if _is_sound(columns, values):
            with suppress(sqlite3.IntegrityError):
                saved += db.execute(statement, values).rowcount
    return saved


def _is_sound(columns: Sequence[str], values: Sequence[Any]) -> bool:
    """Whether the JSON in a row can be read: a page may be spoilt in the middle of a text."""
    try:
        for name, value in zip(columns, values, strict=True):
            if name in JSON_COLUMNS and value is not None:
                json.loads(value)
    except (ValueError, TypeError):
        return False
    return True


def _mend(db: "Database") -> None:
    """Leaves no row that refers to a conversation that was lost, and fills the search index."""
    with transaction(db):
        db.execute(ADOPT_ORPHANS)
        for table in DEPENDENT:
            db.execute(
                f"DELETE FROM {table} WHERE conversation_id NOT IN (SELECT id FROM conversations)"
            )
    search_index.rebuild(db)
