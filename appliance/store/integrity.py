"""Whether the database is sound and can be written: looked at, nothing changed."""

import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StoreError
from appliance.store.connection import connect
from appliance.store.faults import is_damage
from appliance.store.queries import reading

_PROBE = bytes(65_536)  # more than fits beside other things into the last block of a full disk


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of a database file.

    `damage` says what is broken in it, `unwritable` why it cannot be written; both are empty
    where nothing is. `bytes` counts its log too.
    """

    bytes: int
    damage: str = ""
    unwritable: str = ""


def examine(path: Path, patience: float = 5.0) -> Condition:
    """Checks every page and tries to write, beside a daemon or without one; seconds if large.

    `patience` is how many seconds another program may hold it. Raises StoreError where there is
    no database, or none of this version.
    """
    size = sum(
        file.stat().st_size for file in (path, path.with_name(path.name + "-wal")) if file.is_file()
    )
    if damage := _damage(path):
        return Condition(size, damage=damage)
    return Condition(size, unwritable=_foreign(path) or _refusal(path, patience))


def _damage(path: Path) -> str:
    try:
        with reading(path) as db:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except StoreError as error:
        if isinstance(error.__context__, sqlite3.Error) and is_damage(error.__context__):
            return str(error.__context__)
        raise
    return "" if verdict == "ok" else str(verdict)


def _foreign(path: Path) -> str:
    """To root everything is writable; what counts then is whose it is."""
    owner, keeper = path.stat().st_uid, path.parent.stat().st_uid
    if owner == keeper:
        return ""
    return f"it belongs to user {owner}, its directory to user {keeper}"


def _refusal(path: Path, patience: float) -> str:
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(_PROBE)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"its directory takes no data: {error.strerror or error}"
    try:
        db = connect(path)
        try:
            db.execute(f"PRAGMA busy_timeout = {round(1000 * patience)}").fetchall()
            # The right and the lock to write, given back without having written.
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
        finally:
            db.close()
    except sqlite3.Error as error:
        return str(error)
    return ""
