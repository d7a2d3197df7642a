"""Opens connections that may write, wraps transactions, and classifies SQLite's errors."""

import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlite_utils import Database

T = TypeVar("T")

SETTINGS = (
    "PRAGMA busy_timeout = 5000",  # the command line may delete while the daemon writes
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
    "PRAGMA synchronous = FULL",  # NORMAL lost a third of the acknowledged rows in power cuts
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what was deleted is not left readable in free pages
    "PRAGMA journal_size_limit = 16777216",
)

SHRINKABLE = "PRAGMA auto_vacuum = INCREMENTAL"  # before anything is written, or with a VACUUM

PRIMARY_CODE = 0xFF  # the low byte of an extended result code

# Errors that end without us: space is freed, the disk reconnected, the lock released.
TRANSIENT = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class DamagedError(Exception):
    """The file is not a sound database. Never leaves this package."""


class Perform(Protocol):
    """Runs an operation on the database, off the event loop."""

    async def __call__(self, operation: "Callable[[Database], T]") -> T:
        """Returns the operation's result once it is read or committed. Raises StoreError."""


class PerformInParts(Protocol):
    """Runs an operation that yields, off the event loop, a part whenever one is asked for."""

    def __call__(
        self, operation: "Callable[[Database], Iterator[T]]", /
    ) -> AsyncGenerator[T, None]: ...


class Post(Protocol):
    """Queues an operation that nobody waits for; returns at once."""

    def __call__(self, operation: "Callable[[Database], object]") -> None: ...


def connect(path: Path) -> "Database":
    """Opens a connection that may write; any one thread at a time may use it."""
    from sqlite_utils import Database  # heavy: loads its plugins and click

    # Creates the file for its rights only. One that exists is never opened beside SQLite: closing
    # any descriptor of the file drops the locks that this process holds on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    # No implicit transactions: every BEGIN and COMMIT is written out.
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    with ExitStack() as undo:
        undo.callback(connection.close)
        connection.text_factory = text_of
        db = Database(connection)
        if db.execute("PRAGMA page_count").fetchone() == (0,):
            db.execute(SHRINKABLE)
        for setting in SETTINGS:
            db.execute(setting).fetchall()
        undo.pop_all()
    return db


@contextmanager
def transaction(db: "Database") -> Iterator[None]:
    """Commits all or nothing; takes the write lock at the start, so that no read goes stale."""
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


def text_of(value: bytes) -> str:
    """A text of the database; a letter that a disk has spoilt costs no more than that letter."""
    return value.decode("utf-8", "replace")


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed later."""
    return _primary_code(error) in TRANSIENT


def is_damage(error: BaseException) -> bool:
    """Whether the file must be replaced or repaired before it can be used."""
    return _primary_code(error) in DAMAGE


def _primary_code(error: BaseException) -> int:
    # Errors of the Python module itself carry no code of SQLite.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return (code or 0) & PRIMARY_CODE
