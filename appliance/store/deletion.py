"""Renames conversations, and deletes them so that their words are in no file either.

    begin, delete_some ─► the rows are gone, in short transactions; delete_rows does it in one
    scrub              ─► the words are gone: from the search index, the log, and copies

Between the two the conversation stands in the table `forgotten`, so that a scrub that was cut off
is made up for after the next start.
"""

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import StoreError
from appliance.store.clients import add_entry
from appliance.store.connection import connect, is_damage, transaction
from appliance.store.database import QUARANTINED, check_version
from appliance.store.queries import unknown_conversation
from appliance.store.recordings import remove_orphans
from appliance.store.records import AuditEntry

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

# What one transaction does of the search index, and of the free pages that the file gives back.
# The writer waits for no longer.
MERGED_PAGES = 64
FREED_PAGES = 256
EVENTS_AT_ONCE = 200  # that one transaction deletes
BEGUN = 0.0  # as deleted_at: the deletion cannot be undone any more
BACKUPS = "backups"

# Those of which rows are left come later.
FORGOTTEN = """
SELECT conversation_id, at FROM forgotten WHERE conversation_id NOT IN
(SELECT id FROM conversations WHERE deleted_at IS NOT NULL)"""

Pause = Callable[[], bool]
"""Waits a moment between two steps; False ends the work before it is done."""


def rename(db: "Database", conversation_id: str, title: str) -> bool:
    """Gives a conversation another title; False where there is none, or it is deleted."""
    statement = "UPDATE conversations SET title = ? WHERE id = ? AND deleted_at IS NULL"
    return db.execute(statement, (title, conversation_id)).rowcount > 0


def mark_deleted(db: "Database", conversation_id: str, at: float | None) -> bool:
    """Hides a conversation from every list, or with None shows it again.

    False where there is none, it is hidden or shown already, or its words are being deleted.
    """
    hidden = "IS NULL" if at is not None else f"IS NOT {BEGUN} AND deleted_at IS NOT NULL"
    statement = f"UPDATE conversations SET deleted_at = ? WHERE id = ? AND deleted_at {hidden}"
    return db.execute(statement, (at, conversation_id)).rowcount > 0


def begin(db: "Database", conversation_id: str) -> bool:
    """Begins to delete a conversation, which is hidden from now on; False where there is none.

    Call `delete_some` until it returns False, each time in a transaction of its own, then `scrub`.
    """
    statement = "UPDATE conversations SET deleted_at = ? WHERE id = ?"
    begun = db.execute(statement, (BEGUN, conversation_id)).rowcount > 0
    if begun:
        _note_forgotten(db, conversation_id)
    return begun


def delete_some(db: "Database", conversation_id: str) -> bool:
    """Deletes some events of a conversation, and with the last the conversation.

    True while there is more to delete.
    """
    deleted = db.execute(
        "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE conversation_id = ? LIMIT ?)",
        (conversation_id, EVENTS_AT_ONCE),
    ).rowcount
    if deleted == EVENTS_AT_ONCE:
        return True
    db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
    return False


def delete_rows(db: "Database", conversation_id: str) -> bool:
    """Deletes a conversation with its sessions, turns and events; False where there is none.

    Call it inside a transaction, and `scrub` after the commit.
    """
    gone = db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount > 0
    if gone:
        _note_forgotten(db, conversation_id)
    return gone


def _note_forgotten(db: "Database", conversation_id: str) -> None:
    values = (conversation_id, time.time())
    db.execute("INSERT OR REPLACE INTO forgotten (conversation_id, at) VALUES (?, ?)", values)


def _conversation_ids(db: "Database") -> set[str]:
    return {row[0] for row in db.execute("SELECT id FROM conversations").fetchall()}


def knows_no_conversation(db: "Database") -> bool:
    """Whether the database is new, or as good as lost: recordings beside it tell of an older one.

    Where the last conversation was deleted, its recordings go before the row in `forgotten`.
    """
    statement = "SELECT EXISTS (SELECT 1 FROM conversations) OR EXISTS (SELECT 1 FROM forgotten)"
    return not db.execute(statement).fetchone()[0]


def _remove_recordings(path: Path, db: "Database") -> None:
    if knows_no_conversation(db):
        return
    remove_orphans(recordings_beside(path), partial(_conversation_ids, db))


def remove_recordings(path: Path) -> None:
    """Removes the recordings of conversations that are not in the database. Raises StoreError."""
    try:
        with closing(connect(path)) as db:
            _remove_recordings(path, db)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def recordings_beside(path: Path) -> Path:
    """Returns the directory of the recordings that belong to a database."""
    return path.parent / "recordings"


def set_recordings_aside(path: Path, beside: Path) -> None:
    """Keeps recordings that the new database does not know, `beside` the place of the older one."""
    with suppress(OSError, sqlite3.Error), closing(connect(path)) as db:
        known = _conversation_ids(db)
        aside = beside.with_name(f"{beside.name}-recordings")
        for place in recordings_beside(path).iterdir():
            if place.name not in known:
                aside.mkdir(mode=0o700, exist_ok=True)
                place.rename(aside / place.name)
        if aside.exists():
            log.error("recordings that the database does not know were moved to %s", aside)
        recordings_beside(path).rmdir()  # fails where some are left


def scrub(path: Path, pause: Pause = lambda: True) -> bool:
    """Removes the words of all forgotten conversations from all files.

    False where another program still reads the older state, or `pause` ended it: try again. The
    database can be written meanwhile. Raises StoreError.
    """
    try:
        with closing(connect(path)) as db:
            _remove_recordings(path, db)
            forgotten = db.execute(FORGOTTEN).fetchall()
            if not forgotten:
                return True
            if not (_merge_index(db, pause) and _free_pages(db, pause) and _empty_log(db)):
                return False
            _scrub_copies(path, [conversation_id for conversation_id, _ in forgotten])
            with transaction(db):
                for row in forgotten:  # unless it was forgotten once more meanwhile
                    db.execute("DELETE FROM forgotten WHERE conversation_id = ? AND at = ?", row)
        return True
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path} cannot be written: {error}") from None


def delete(path: Path, conversation_id: str, entry: AuditEntry) -> None:
    """Deletes beside a running daemon, for the command line, and adds `entry` to the audit trail.

    Raises NotFound and StoreError.
    """
    if not path.exists():
        raise unknown_conversation(conversation_id)
    try:
        with closing(connect(path)) as db:
            check_version(db, path)
            with transaction(db):
                gone = delete_rows(db, conversation_id)
                if gone:
                    add_entry(db, entry)
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}") from None
    if not gone:
        raise unknown_conversation(conversation_id)
    if not scrub(path):
        log.warning("another program reads the database; the last words go when it has ended")


def _merge_index(db: "Database", pause: Pause) -> bool:
    """Merges the segments of the index, which drops the words that are only marked as deleted.

    FTS5 takes a negative number as the beginning of a merge of everything, and has done its work
    when it changes nothing any more.
    """
    pages = -MERGED_PAGES
    while True:
        before = db.conn.total_changes
        with transaction(db):
            db.execute("INSERT INTO spoken (spoken, rank) VALUES ('merge', ?)", (pages,))
        if pages > 0 and db.conn.total_changes - before < 2:  # the command itself counts as one
            return True
        pages = MERGED_PAGES
        if not pause():
            return False


def _free_pages(db: "Database", pause: Pause) -> bool:
    """Gives the pages that are free back to the disk, some at a time."""
    while True:
        (free,) = db.execute("PRAGMA freelist_count").fetchone()
        db.execute(f"PRAGMA incremental_vacuum({FREED_PAGES})").fetchall()
        (left,) = db.execute("PRAGMA freelist_count").fetchone()
        if left == 0 or left >= free:  # a file of an older version keeps them
            return True
        if not pause():
            return False


def _empty_log(db: "Database") -> bool:
    """Empties the write-ahead log, which holds older pages; False while somebody reads them."""
    (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _scrub_copies(path: Path, forgotten: Sequence[str]) -> None:
    """Deletes the conversations from every backup, and removes what cannot be searched for them.

    A quarantined file is damaged: what could be read of it was salvaged when it was put aside.
    """
    for file in path.parent.glob(f"{path.name}{QUARANTINED}*"):
        log.info("%s is removed: a conversation was deleted that may be in it", file)
        if file.is_dir():
            shutil.rmtree(file)  # its recordings
        else:
            file.unlink(missing_ok=True)
    for backup in sorted((path.parent / BACKUPS).glob("*.db")):
        try:
            _delete_from_copy(backup, forgotten)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            log.warning("%s is removed: it is damaged, and a conversation was deleted", backup)
            backup.unlink(missing_ok=True)


def _delete_from_copy(backup: Path, forgotten: Sequence[str]) -> None:
    marks = ", ".join("?" * len(forgotten))
    with closing(connect(backup)) as db:
        with transaction(db):
            statement = f"DELETE FROM conversations WHERE id IN ({marks})"
            found = db.execute(statement, list(forgotten)).rowcount
            if found:
                db.execute("INSERT INTO spoken (spoken) VALUES ('optimize')")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
