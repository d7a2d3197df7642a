"""Renames conversations, and deletes their rows and their recordings.

    begin, delete_some ─► the rows are gone, in short transactions; delete_rows does it in one
    scrub              ─► the words are gone: from the search index, the log, and copies

Between the two the conversation stands in the table `forgotten`, so that a scrub that was cut off
is made up for after the next start. See `appliance.store.erasure` for the second.
"""

import logging
import sqlite3
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.conversation import EventKind
from appliance.errors import StoreError
from appliance.store.connection import Perform, connect
from appliance.store.recordings import remove_orphans

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

EVENTS_AT_ONCE = 200  # that one transaction deletes
BEGUN = 0.0  # as deleted_at: the deletion cannot be undone any more


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

    Call `delete_rest` next, then `scrub`.
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


async def delete_rest(write: Perform, conversation_id: str) -> None:
    """Deletes a conversation of which the deletion has begun; between its steps others write."""
    while await write(partial(delete_some, conversation_id=conversation_id)):
        pass


def delete_rows(db: "Database", conversation_id: str) -> bool:
    """Deletes a conversation with its sessions, turns and events; False where there is none.

    Call it inside a transaction, and `scrub` after the commit.
    """
    gone = db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount > 0
    if gone:
        _note_forgotten(db, conversation_id)
    return gone


def delete_task_rows(db: "Database", task_id: str) -> None:
    """Deletes a task that stands in `forgotten_tasks`, with its history."""
    row = db.execute("SELECT conversation_id FROM tasks WHERE id = ?", (task_id,)).fetchone()
    db.execute("DELETE FROM tasks WHERE id = ?", (task_id,))
    db.execute(
        "DELETE FROM events WHERE conversation_id = ? AND kind = ?"
        " AND json_extract(data, '$.task') = ?",
        (row and row[0], EventKind.TASK, task_id),
    )


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


def remove_recordings_of_nobody(path: Path, db: "Database") -> None:
    if knows_no_conversation(db):
        return
    remove_orphans(recordings_beside(path), partial(_conversation_ids, db))


def remove_recordings(path: Path) -> None:
    """Removes the recordings of conversations that are not in the database. Raises StoreError."""
    try:
        with closing(connect(path)) as db:
            remove_recordings_of_nobody(path, db)
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
