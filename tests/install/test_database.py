"""The database around an update: a copy while it is written to, and who can read it."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from appliance.store.database import SCHEMA
from install import database


@pytest.fixture
def conversations(tmp_path: Path) -> Path:
    """A database of this version, as its migrations record themselves."""
    from sqlite_utils import Database

    from appliance.store.database import migrations

    file = tmp_path / "voice_conversations.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        migrations().apply(Database(connection))
        connection.execute("INSERT INTO sessions VALUES ('a', 'b', NULL, NULL, 0, NULL, NULL)")
        connection.commit()
    return file


def test_a_copy_is_whole_while_somebody_writes(conversations: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(conversations)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO sessions VALUES ('c', 'd', NULL, NULL, 0, NULL, NULL)")
        database.backup(conversations, copy)
        writer.rollback()
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT id FROM sessions").fetchall() == [("a",)]
    assert not list(tmp_path.glob("*.new"))


def test_no_copy_of_what_is_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, copy = tmp_path / "broken.db", tmp_path / "copy.db"
    broken.write_bytes(b"no database at all, and long enough to be looked at" * 50)
    assert database.main("backup", str(broken), str(copy)) == 2
    assert not copy.exists()
    assert "broken.db" in capsys.readouterr().err


def test_a_release_fits_a_database_whose_migrations_it_knows(
    conversations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert database.unknown(conversations, SCHEMA) == set()
    older = tmp_path / "older"
    older.mkdir()
    first, *later = sorted(SCHEMA.glob("*.sql"))
    (older / first.name).touch()
    assert database.unknown(conversations, older) == {file.stem for file in later}
    assert database.main("fits", str(conversations), str(older)) == 1
    assert capsys.readouterr().out.split() == [file.stem for file in later]
    assert database.main("fits", str(conversations), str(SCHEMA)) == 0


def test_an_empty_database_fits_every_release(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).close()
    assert database.unknown(empty, tmp_path) == set()


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ('[store]\npath = "/data/talk.db"\n', "/data/talk.db"),
        ("[store]\npath = 5\n", "usual"),
        ("store = 1\n", "usual"),
        ("[llm]\n", "usual"),
        ("no toml", "usual"),
        (None, "usual"),
    ],
)
def test_where_the_settings_say(settings: str | None, place: str, tmp_path: Path) -> None:
    file = tmp_path / "appliance.toml"
    if settings is not None:
        file.write_text(settings)
    assert database.where("usual", file) == place


def test_a_copy_takes_the_place_of_what_a_crashed_daemon_left(
    conversations: Path, tmp_path: Path
) -> None:
    """All of that is set aside; what it wrote last may still be in the log beside the database."""
    crashed, copy, aside = (tmp_path / name for name in ("crashed.db", "copy.db", "aside.db"))
    database.backup(conversations, copy)
    with closing(sqlite3.connect(conversations)) as writer:
        writer.execute("INSERT INTO sessions VALUES ('c', 'd', NULL, NULL, 0, NULL, NULL)")
        writer.commit()
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{conversations}{suffix}", f"{crashed}{suffix}")
    assert database.main("restore", str(crashed), str(copy), str(aside)) == 0
    found = {}
    for file in (aside, crashed):
        with closing(sqlite3.connect(file)) as db:
            found[file] = db.execute("SELECT id FROM sessions ORDER BY id").fetchall()
    assert found == {aside: [("a",), ("c",)], crashed: [("a",)]}
    assert stat.S_IMODE(crashed.stat().st_mode) == 0o600


def test_a_copy_is_for_its_owner_alone(conversations: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    before = os.umask(0o022)
    try:
        assert database.main("backup", str(conversations), str(copy)) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_no_link_is_taken_for_a_copy(conversations: Path, tmp_path: Path) -> None:
    """Of it, only the link would be restored; what it leads to is somebody else's."""
    secret, copy = tmp_path / "secret", tmp_path / "copy.db"
    secret.write_text("root's")
    copy.symlink_to(secret)
    status = database.main("restore", str(conversations), str(copy), str(tmp_path / "aside.db"))
    assert status == 2
    assert not conversations.is_symlink()
