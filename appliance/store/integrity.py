"""Checks whether the database is sound and can be written, without changing anything."""

import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StoreError
from appliance.store.connection import connect, is_damage
from appliance.store.queries import reading

_PROBE = bytes(65_536)  # more than the last, partly used block of a full disk can take


@dataclass(frozen=True, slots=True)
class DatabaseCondition:
    """The state of a database file.

    `damage` says what is broken in it and `unwritable` why it cannot be written; both are empty
    for a sound one. `bytes` is its size with the write-ahead log.
    """

    bytes: int
    damage: str = ""
    unwritable: str = ""


def examine(path: Path, busy_seconds: float = 5.0) -> DatabaseCondition:
    """Checks every page and tries to write, with or without a running daemon.

    Blocks, for seconds where the file is large, and for up to `busy_seconds` while another program
    holds the write lock. Raises StoreError where there is no database of this version.
    """
    size = sum(
        file.stat().st_size for file in (path, path.with_name(path.name + "-wal")) if file.is_file()
    )
    if damage := _damage(path):
        return DatabaseCondition(size, damage=damage)
    return DatabaseCondition(
        size, unwritable=_wrong_owner(path) or _write_error(path, busy_seconds)
    )


def _damage(path: Path) -> str:
    try:
        with reading(path) as db:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except StoreError as error:
        if isinstance(error.__context__, sqlite3.Error) and is_damage(error.__context__):
            return str(error.__context__)
        raise
    return "" if verdict == "ok" else str(verdict)


def _wrong_owner(path: Path) -> str:
    """Compares the owners of file and directory: root, who may write anything, checks this way."""
    owner, directory_owner = path.stat().st_uid, path.parent.stat().st_uid
    if owner == directory_owner:
        return ""
    return f"it belongs to user {owner}, its directory to user {directory_owner}"


def _write_error(path: Path, busy_seconds: float) -> str:
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(_PROBE)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"no data can be written to its directory: {error.strerror or error}"
    try:
        db = connect(path)
        try:
            db.execute(f"PRAGMA busy_timeout = {round(1000 * busy_seconds)}").fetchall()
            # Takes the write lock, which needs the right to write, and releases it without writing.
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
        finally:
            db.close()
    except sqlite3.Error as error:
        return str(error)
    return ""
