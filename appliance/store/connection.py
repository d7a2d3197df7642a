"""A connection that may write: its settings, and its transactions."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

SETTINGS = (
    "PRAGMA busy_timeout = 5000",  # the command line may delete while the daemon writes
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
    "PRAGMA synchronous = FULL",  # NORMAL lost a third of the acknowledged rows in power cuts
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what was deleted is not left readable in free pages
    "PRAGMA journal_size_limit = 16777216",
)


def connect(path: Path) -> "Database":
    """A connection that may write, with the settings above; any one thread at a time may use it."""
    from sqlite_utils import Database  # heavy: loads its plugins and click

    # Made here for its rights only. One that is there is never opened beside SQLite: closing any
    # descriptor of the file drops the locks that this process holds on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    # No implicit transactions: every BEGIN and COMMIT is written out.
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    with ExitStack() as undo:
        undo.callback(connection.close)
        db = Database(connection)
        for setting in SETTINGS:
            db.execute(setting).fetchall()
        undo.pop_all()
    return db


@contextmanager
def transaction(db: "Database") -> Iterator[None]:
    """All or nothing, holding the write lock from the start so that no read goes stale."""
    db.execute("BEGIN IMMEDIATE")
    with ExitStack() as undo:
        undo.callback(_roll_back, db)
        yield
        db.execute("COMMIT")
        undo.pop_all()


def _roll_back(db: "Database") -> None:
    # A full disk has often ended the transaction already; rolling back is then no error.
    with suppress(sqlite3.Error):
        db.rollback()
