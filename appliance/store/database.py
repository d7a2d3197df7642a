"""Opens the database file: takes its lock, checks and migrates it, replaces a damaged one."""

import fcntl
import logging
import os
import sqlite3
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from appliance.errors import StoreError, write_error
from appliance.store import search_index
from appliance.store.connection import SHRINKABLE, DamagedError, connect, is_damage, is_transient
from appliance.store.salvage import salvage

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

log = logging.getLogger(__name__)

SCHEMA = Path(__file__).with_name("schema")
QUARANTINED = ".corrupt."  # in the names of what is set aside, and removed with the next deletion
SMALL = 32 * 2**20  # bytes of a database that is checked or rewritten in some tenths of a second
RECORD = "_sqlite_migrations"
CLEAN = b"clean"  # content of the lock file after the last writer closed in order


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """A database ready to be written, and the lock that keeps other writers away.

    `quarantined` is the new place of a damaged file that was moved aside, if there was one.
    """

    db: "Database"
    lock: IO[bytes]
    quarantined: Path | None

    def release(self, *, clean: bool) -> None:
        """Releases the lock. Unless `clean`, the next process checks the search index, too."""
        if clean:
            with suppress(OSError):  # a full disk: the next process checks more than it must
                self.lock.write(CLEAN)
        self.lock.close()


def open_for_writing(path: Path) -> OpenDatabase:
    """Opens, checks and migrates the database at `path`, creating it and its directory.

    A damaged file is moved aside, and a fresh one opened with what can be read of it. Raises
    StoreError when another process writes to it, when it belongs to a newer version or another
    program, and when the directory cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(path)
    except OSError as error:
        raise write_error(f"{path}", error) from None
    with ExitStack() as undo:
        undo.callback(lock.close)
        try:
            opened = _open_or_replace(path, lock)
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be opened: {error}") from None
        undo.pop_all()
    return opened


def migrations() -> "Migrations":
    """Returns the migrations from an empty file to this version: one for each schema file."""
    from sqlite_utils import Migrations  # heavy: loads its plugins and click

    steps = Migrations("voice-appliance")
    for file in sorted(SCHEMA.glob("*.sql")):
        sql = file.read_text(encoding="utf-8")

        @steps(name=file.stem)
        def apply(db: "Database", /, sql: str = sql) -> None:
            db.executescript(sql)

    return steps


def check_version(db: "Database", path: Path) -> None:
    """Raises StoreError unless this version knows every migration that the database has had."""
    known = {file.stem for file in SCHEMA.glob("*.sql")}
    applied = {step.name for step in migrations().applied(db)}
    if applied - known:
        raise StoreError(
            f"{path} was written by a newer version of the appliance",
            advice="Update the appliance, or set store.path to another file.",
        )
    # The record itself is made before the first migration is.
    if not applied and set(db.table_names()) - {RECORD}:
        raise StoreError(
            f"{path} is the database of another program",
            advice="Set store.path to another file.",
        )


def _lock(path: Path) -> IO[bytes]:
    """Locks a file beside the database until it is closed; the kernel unlocks when we die."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreError(
            f"another appliance is using {path}",
            advice="Stop it first (`systemctl stop voice-appliance`), or set store.path.",
        ) from None
    return file


def _open_or_replace(path: Path, lock: IO[bytes]) -> OpenDatabase:
    unclean = not _take_clean_mark(lock)
    try:
        return OpenDatabase(_open_checked(path, unclean=unclean), lock, None)
    except DamagedError:
        aside = _move_aside(path)
    db = _open_checked(path, unclean=False)
    salvage(aside, db)
    return OpenDatabase(db, lock, aside)


def _take_clean_mark(lock: IO[bytes]) -> bool:
    """Whether the last writer closed in order; removes the mark until `release` writes it again."""
    clean = lock.read() == CLEAN
    lock.seek(0)
    lock.truncate()
    os.fsync(lock)
    return clean


def _open_checked(path: Path, *, unclean: bool) -> "Database":
    """Opens, checks and migrates. Raises DamagedError when the file is not a sound database."""
    db = _connect_and_check(path)
    with ExitStack() as undo:
        undo.callback(db.close)
        try:
            _check_record(db)
            check_version(db, path)
            migrations().apply(db)
            _make_shrinkable(db)
            search_index.repair(db, thoroughly=unclean)
        except sqlite3.DatabaseError as error:
            if is_damage(error) or _was_applied(error):
                raise DamagedError from error
            raise
        undo.pop_all()
    return db


def _check_record(db: "Database") -> None:
    """Raises DamagedError where the record of migrations cannot be true: they come in order."""
    known = sorted(file.stem for file in SCHEMA.glob("*.sql"))
    applied = sorted(step.name for step in migrations().applied(db))
    # A newer version's come after all of ours.
    ours = [name for name in applied if name <= known[-1]]
    emptied = not applied and {RECORD, "events"} <= set(db.table_names())
    if ours != known[: len(ours)] or emptied:
        raise DamagedError


def _was_applied(error: sqlite3.Error) -> bool:
    """Whether a migration failed because it was made before, and its record is lost."""
    return any(words in str(error) for words in ("already exists", "duplicate column name"))


def _make_shrinkable(db: "Database") -> None:
    """Has a small file of an older version give free pages back to the disk, as new ones do.

    Every page is written anew, so a large one, which would hold up the start, stays as it is: its
    free pages are used again.
    """
    facts = ("auto_vacuum", "page_count", "page_size")
    mode, pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in facts)
    if mode or pages * size > SMALL:
        return
    try:
        db.execute(SHRINKABLE)
        db.execute("VACUUM")
    except sqlite3.Error as error:
        if is_damage(error):
            raise
        log.warning("the database cannot be made to shrink: %s", error)


def _connect_and_check(path: Path) -> "Database":
    """Connects and checks every page, also after a clean stop: a disk spoils pages at any time."""
    try:
        db = connect(path)
    except (sqlite3.DatabaseError, UnicodeError) as error:
        if is_transient(error):
            raise
        raise DamagedError from error
    with ExitStack() as undo:
        undo.callback(db.close)
        try:
            # The thorough one compares indexes with their tables; a large file has no time for it.
            check = "integrity_check" if path.stat().st_size <= SMALL else "quick_check"
            (verdict,) = db.execute(f"PRAGMA {check}(1)").fetchone()
        except (sqlite3.DatabaseError, UnicodeError) as error:
            if is_transient(error):
                raise
            raise DamagedError from error
        if verdict != "ok":
            raise DamagedError
        undo.pop_all()
    return db


def place_aside(path: Path) -> Path:
    """Returns a name beside the database for what must not be used any more, new every time."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return path.with_name(f"{path.name}{QUARANTINED}{stamp}")


def _move_aside(path: Path) -> Path:
    aside = place_aside(path)
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside
