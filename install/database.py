"""The database of conversations around an update; for install.sh, with the standard library.

database.py backup DATABASE COPY        with SQLite's own backup, while the daemon writes to it
database.py restore DATABASE COPY ASIDE the copy takes its place, and it goes to ASIDE; while no
                                        daemon runs
database.py fits DATABASE SCHEMA        exit status 1 where it has had a migration that the
                                        release with the directory SCHEMA does not know
database.py where DATABASE SETTINGS     prints store.path of the settings, else DATABASE
"""

import os
import shutil
import sqlite3
import sys
import tomllib
from contextlib import closing
from pathlib import Path

MIGRATIONS = "_sqlite_migrations"


def backup(database: Path, copy: Path) -> None:
    """A whole and checked copy, or none. Raises sqlite3.Error and OSError."""
    new = copy.with_name(copy.name + ".new")
    new.unlink(missing_ok=True)
    with closing(_reading(database)) as source, closing(sqlite3.connect(new)) as target:
        source.backup(target, pages=4096)
        (verdict,) = target.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy of {database} is damaged: {verdict}")
    new.replace(copy)


def restore(database: Path, copy: Path, aside: Path) -> None:
    """With its log, which holds what was said last where a daemon has crashed. Raises OSError."""
    new = database.with_name(database.name + ".new")
    new.unlink(missing_ok=True)
    if copy.is_symlink():
        raise OSError(f"{copy} is a link")
    shutil.copyfile(copy, new)
    log = database.with_name(database.name + "-wal")
    if log.exists():
        shutil.move(log, aside.with_name(aside.name + "-wal"))
    shutil.move(database, aside)  # which may be on another disk
    database.with_name(database.name + "-shm").unlink(missing_ok=True)
    new.replace(database)


def unknown(database: Path, schema: Path) -> set[str]:
    """The migrations that the database has had and the release does not know."""
    with closing(_reading(database)) as db:
        tables = "SELECT 1 FROM sqlite_master WHERE name = ?"
        if not db.execute(tables, [MIGRATIONS]).fetchone():
            return set()
        applied = {name for (name,) in db.execute(f"SELECT name FROM {MIGRATIONS}")}
    return applied - {file.stem for file in schema.glob("*.sql")}


def where(usual: str, settings: Path) -> str:
    """Where the conversations are kept; what is wrong with the settings is for others to say."""
    try:
        told = tomllib.loads(settings.read_text(encoding="utf-8")).get("store", {}).get("path")
    except (OSError, ValueError, AttributeError):
        told = None
    return told if isinstance(told, str) else usual


def _reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def main(what: str, database: str, other: str, aside: str = "") -> int:
    os.umask(0o077)  # conversations are for nobody else
    try:
        if what == "where":
            print(where(database, Path(other)))
        elif what == "backup":
            backup(Path(database), Path(other))
        elif what == "restore":
            restore(Path(database), Path(other), Path(aside))
        elif found := unknown(Path(database), Path(other)):
            print(*sorted(found))
            return 1
    except (sqlite3.Error, OSError) as error:
        print(f"{database}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
