"""Which errors of SQLite pass by themselves, and which mean that the file is damaged."""

import sqlite3

PRIMARY_CODE = 0xFF  # the low byte of an extended result code

# Somebody frees space, reconnects the disk, lets go of the lock.
PASSING = frozenset(
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
    """The file holds no sound database; it never leaves this package."""


def is_passing(error: BaseException) -> bool:
    """Whether the same work may succeed later."""
    return _code(error) in PASSING


def is_damage(error: BaseException) -> bool:
    """Whether the file must be replaced or repaired before it can be used."""
    return _code(error) in DAMAGE


def _code(error: BaseException) -> int:
    # Errors of the Python module itself carry none.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return (code or 0) & PRIMARY_CODE
