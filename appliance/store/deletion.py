"""Deletes conversations so that their words cannot be found in the file either."""

import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import StoreError
from appliance.store.clients import add_entry
from appliance.store.connection import connect, transaction
from appliance.store.database import check_version
from appliance.store.queries import unknown_conversation
from appliance.store.recordings import remove_orphans
from appliance.store.records import AuditEntry

if TYPE_CHECKING:
    from sqlite_utils import Database


def delete_rows(db: "Database", conversation_id: str) -> bool:
    """Deletes a conversation with its sessions, turns and events; False where there is none.

    Call it inside a transaction, and `scrub` after the commit.
    """
    gone = db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount > 0
    if gone:
        # The full-text index only marks rows as deleted; merging its segments drops the words.
        db.execute("INSERT INTO spoken (spoken) VALUES ('optimize')")
    return gone


def _conversation_ids(db: "Database") -> set[str]:
    return {row[0] for row in db.execute("SELECT id FROM conversations").fetchall()}


def recordings_beside(path: Path) -> Path:
    """Returns the directory of the recordings that belong to a database."""
    return path.parent / "recordings"


def set_recordings_aside(path: Path, damaged: Path) -> None:
    """Keeps the recordings of a damaged database beside it; the new one knows none of them."""
    with suppress(OSError):  # there are none
        recordings_beside(path).rename(damaged.with_name(f"{damaged.name}-recordings"))


def scrub(path: Path) -> None:
    """Removes what is left of deleted conversations outside the database's tables.

    That is the write-ahead log, which still holds older pages, and recordings. Raises StoreError.
    """
    try:
        db = connect(path)
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            remove_orphans(recordings_beside(path), partial(_conversation_ids, db))
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}") from None


def delete(path: Path, conversation_id: str, entry: AuditEntry) -> None:
    """Deletes beside a running daemon, for the command line, and adds `entry` to the audit trail.

    Raises NotFound and StoreError.
    """
    if not path.exists():
        raise unknown_conversation(conversation_id)
    try:
        db = connect(path)
        try:
            check_version(db, path)
            with transaction(db):
                gone = delete_rows(db, conversation_id)
                if gone:
                    add_entry(db, entry)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}") from None
    if not gone:
        raise unknown_conversation(conversation_id)
    scrub(path)
