"""Removes the words of what was deleted from all files of the appliance."""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import StoreError, write_error
from appliance.store.clients import add_entry
from appliance.store.connection import connect, is_damage, transaction
from appliance.store.database import QUARANTINED, check_version
from appliance.store.deletion import delete_rows, delete_task_rows, remove_recordings_of_nobody
from appliance.store.queries import unknown_conversation
from appliance.store.records import AuditEntry

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

# What one transaction does of the search index, and of the free pages that the file gives back.
# The writer waits for no longer.
MERGED_PAGES = 64
FREED_PAGES = 256
BACKUPS = "backups"

# Those of which rows are left come later.
CONVERSATIONS = """
SELECT conversation_id, at FROM forgotten WHERE conversation_id NOT IN
(SELECT id FROM conversations WHERE deleted_at IS NOT NULL)"""

Pause = Callable[[], bool]
"""Waits a moment between two steps; False ends the work before it is done."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted, and may be in some file still: ids, each with the time of its deletion.

    The audit trail was deleted up to an entry, `audit_through`; 0 where no file has its words.
    """

    conversations: list[tuple[str, float]]
    tasks: list[tuple[str, float]]
    audit_through: int

    def __bool__(self) -> bool:
        return bool(self.conversations or self.tasks or self.audit_through)


def _forgotten(db: "Database") -> Forgotten:
    names = ("audit_through", "audit_scrubbed")
    state = dict(db.execute("SELECT name, value FROM retention_state").fetchall())
    through, scrubbed = (int(state.get(name, 0)) for name in names)
    return Forgotten(
        db.execute(CONVERSATIONS).fetchall(),
        db.execute("SELECT task_id, at FROM forgotten_tasks").fetchall(),
        through if through > scrubbed else 0,
    )


def _settle(db: "Database", forgotten: Forgotten) -> None:
    """Notes that no file has the words any more, unless a thing was deleted anew meanwhile."""
    with transaction(db):
        for row in forgotten.conversations:
            db.execute("DELETE FROM forgotten WHERE conversation_id = ? AND at = ?", row)
        for row in forgotten.tasks:
            db.execute("DELETE FROM forgotten_tasks WHERE task_id = ? AND at = ?", row)
        if forgotten.audit_through:
            db.execute(
                "INSERT OR REPLACE INTO retention_state VALUES ('audit_scrubbed', ?)",
                (forgotten.audit_through,),
            )


def scrub(path: Path, pause: Pause = lambda: True) -> bool:
    """Removes the words of all that was deleted from all files.

    False where another program still reads the older state, or `pause` ended it: try again. The
    database can be written meanwhile. Raises StoreError.
    """
    if not path.exists():  # connecting would begin a new one
        raise StoreError(f"{path} was removed")
    try:
        with closing(connect(path)) as db:
            remove_recordings_of_nobody(path, db)
            forgotten = _forgotten(db)
            if not forgotten:
                return True
            if not (_merge_index(db, pause) and _free_pages(db, pause) and _empty_log(db)):
                return False
            _scrub_copies(path, forgotten)
            _settle(db, forgotten)
        return True
    except (sqlite3.Error, OSError) as error:
        raise write_error(f"{path}", error) from None


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


def _scrub_copies(path: Path, forgotten: Forgotten) -> None:
    """Deletes what was deleted from every backup too, and removes what cannot be searched for them.

    A quarantined file is damaged: what could be read of it was salvaged when it was put aside.
    """
    for file in path.parent.glob(f"{path.name}{QUARANTINED}*"):
        log.info("%s is removed: something was deleted that may be in it", file)
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
            log.warning("%s is removed: it is damaged, and something was deleted", backup)
            backup.unlink(missing_ok=True)


def _delete_from_copy(backup: Path, forgotten: Forgotten) -> None:
    with closing(connect(backup)) as db:
        with transaction(db), _without_guards(db):
            before = db.conn.total_changes
            for conversation_id, _ in forgotten.conversations:
                db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
            for task_id, _ in forgotten.tasks:
                delete_task_rows(db, task_id)
            db.execute("DELETE FROM audit WHERE id <= ?", (forgotten.audit_through,))
            if db.conn.total_changes > before:
                db.execute("INSERT INTO spoken (spoken) VALUES ('optimize')")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def _without_guards(db: "Database") -> Iterator[None]:
    """Takes the triggers away that refuse deletions: a copy does not know what was deleted."""
    guards = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'"
    ).fetchall()
    for name, _ in guards:
        db.execute(f"DROP TRIGGER {name}")
    yield
    for _, sql in guards:
        db.execute(sql)


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
        raise write_error(f"{path}", error) from None
    if not gone:
        raise unknown_conversation(conversation_id)
    if not scrub(path):
        log.warning("another program reads the database; the last words go when it has ended")
