"""A deleted conversation leaves no word in any file of the database."""

import asyncio
import contextlib
import sqlite3
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from appliance.conversation import EventKind
from appliance.errors import NotFound, StoreError
from appliance.store.connection import connect, transaction
from appliance.store.deletion import EVENTS_AT_ONCE, begin, delete_rows, delete_some
from appliance.store.erasure import delete
from appliance.store.queries import conversations, reading
from appliance.store.records import AuditEntry, AuditRecord
from appliance.store.store import Store

from .events import answered, event, said
from .test_timers import Timer

ENTRY = AuditEntry(1.0, "conversation deleted", "the command line", None, "done", None, "private")


def files_with(path: Path, word: str) -> list[str]:
    """Returns the files of the database that contain a word, in any letter case.

    Another process searches: closing a file of a database drops the locks of this process on it.
    """
    command = ["grep", "--recursive", "--files-with-matches", "--text", "--ignore-case", word]
    found = subprocess.run([*command, path.parent], capture_output=True, text=True, check=False)
    assert found.returncode < 2, found.stderr
    return found.stdout.splitlines()


async def fill(store: Store) -> None:
    for number in range(40):
        store.append(said("the quokka sleeps", turn=number + 1, conversation="private"))
        store.append(answered("so does the wombat", turn=number + 1, conversation="private"))
        store.append(said("good morning", turn=number + 1, conversation="kept"))
    store.append(event(EventKind.SESSION_ENDED, conversation="private", reason="quokka"))
    await store.flush()


async def test_a_deleted_conversation_is_gone_from_the_file_too(path: Path) -> None:
    store = Store.open(path)
    await fill(store)
    assert files_with(path, "quokka")
    await store.delete("private")
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert files_with(path, "quokka") == files_with(path, "wombat") == []
    assert [summary.id for summary in await store.conversations()] == ["kept"]
    assert await store.search("quokka") == []
    assert len(await store.search("morning")) == 40
    with pytest.raises(NotFound):
        await store.delete("private")
    await store.close()
    with reading(path) as db:
        for table in ("sessions", "events", "turns"):
            owners = db.execute(f"SELECT DISTINCT conversation_id FROM {table}").fetchall()
            assert owners == [("kept",)]


async def test_the_command_line_deletes_beside_the_daemon(path: Path) -> None:
    store = Store.open(path)
    await fill(store)
    delete(path, "private", ENTRY)
    assert files_with(path, "quokka") == []
    with pytest.raises(NotFound):
        delete(path, "private", ENTRY)
    assert await store.clients.audit_trail() == [AuditRecord(**asdict(ENTRY), id=1)]
    store.append(said("and on it goes", conversation="kept", turn=41))
    await store.flush()
    assert [summary.turns for summary in await store.conversations()] == [41]
    await store.close()


async def test_the_words_go_when_the_last_reader_of_them_has_ended(path: Path) -> None:
    store = Store.open(path)
    await fill(store)
    with contextlib.closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        await store.delete("private")
        store.append(said("on it goes", conversation="kept", turn=41))
        await store.flush()
        # Its state is in the log until it has ended.
        assert not await asyncio.to_thread(store.scrubber.wait, 0.1)
        assert store.scrubber.overdue_seconds > 0
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert store.scrubber.overdue_seconds == 0
    assert files_with(path, "quokka") == files_with(path, "wombat") == []
    await store.close()


async def test_a_scrub_that_was_cut_off_is_made_up_for_after_the_next_start(path: Path) -> None:
    store = Store.open(path)
    await fill(store)
    await store.close()
    with contextlib.closing(connect(path)) as db, transaction(db):
        delete_rows(db, "private")
    assert files_with(path, "quokka")
    store = Store.open(path)
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert files_with(path, "quokka") == []
    await store.close()


async def test_backups_and_quarantined_files_forget_too(path: Path) -> None:
    store = Store.open(path)
    await fill(store)
    backups = path.parent / "backups"
    backups.mkdir()
    for name in ("before-1.db", "before-2.db"):
        with (
            contextlib.closing(sqlite3.connect(backups / name)) as copy,
            contextlib.closing(sqlite3.connect(path)) as source,
        ):
            source.backup(copy)
    (backups / "before-2.db").write_bytes(b"the quokka sleeps " * 1_000)
    aside = path.with_name(f"{path.name}.corrupt.20260101T000000")
    aside.write_bytes(b"the quokka sleeps")
    assert len(files_with(path, "quokka")) > 3
    await store.delete("private")
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert files_with(path, "quokka") == files_with(path, "wombat") == []
    with contextlib.closing(sqlite3.connect(backups / "before-1.db")) as copy:
        assert copy.execute("SELECT id FROM conversations").fetchall() == [("kept",)]
    await store.close()


async def test_deleting_costs_by_the_size_of_the_conversation(path: Path) -> None:
    """Counted in changed rows: those of the conversation, however large the whole is."""
    store = Store.open(path)
    for number in range(3_000):
        store.append(said(f"word{number} and more", turn=number + 1, conversation="large"))
    await fill(store)
    await store.close()
    with contextlib.closing(connect(path)) as db:
        rows = db.execute("SELECT count(*) FROM spoken_data").fetchone()[0]
        with transaction(db):
            before = db.conn.total_changes
            assert delete_rows(db, "private")
            changed = db.conn.total_changes - before
        assert db.execute("SELECT count(*) FROM spoken_data").fetchone()[0] >= rows
    assert changed < 1_000


async def test_a_large_conversation_leaves_in_steps_that_a_restart_goes_on_with(path: Path) -> None:
    store = Store.open(path)
    for number in range(EVENTS_AT_ONCE + 50):
        store.append(said("the quokka sleeps", turn=number + 1, conversation="private"))
    await store.flush()
    await store.close()
    with contextlib.closing(connect(path)) as db:
        for step, more in ((begin, True), (delete_some, True)):
            with transaction(db):
                assert step(db, "private") is more
        assert db.execute("SELECT count(*) FROM events").fetchone() == (50,)
    store = Store.open(path)
    assert await store.conversations() == []
    with pytest.raises(NotFound):  # half of it is gone
        await store.keeping.restore("private")
    assert await store.keeping.hidden() == ["private"]
    await store.delete("private")
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert files_with(path, "quokka") == []
    await store.close()


async def test_the_file_shrinks_with_what_is_in_it(store: Store, path: Path) -> None:
    empty = await store.retention.used_bytes()
    for number in range(2_000):
        store.append(said("the quokka sleeps " * 20, turn=number + 1, conversation="private"))
    await store.flush()
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    await store.delete("private")
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert path.stat().st_size < empty + 50_000  # of more than a megabyte


async def test_a_database_that_was_removed_is_not_begun_anew_beside_the_daemon(
    store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    await fill(store)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    store.scrubber.request()
    assert not await asyncio.to_thread(store.scrubber.wait, 2.5)  # it has tried more than once
    assert not path.exists()
    assert caplog.text.count("was removed") == 1


def test_deleting_without_a_database_creates_none(path: Path) -> None:
    with pytest.raises(NotFound):
        delete(path, "c1", ENTRY)
    assert not path.exists()


async def test_events_can_be_neither_changed_nor_deleted_one_by_one(
    store: Store, path: Path
) -> None:
    await fill(store)
    db = connect(path)
    for statement in (
        "UPDATE events SET data = '{}'",
        "DELETE FROM events WHERE id = 1",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE id = 1",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="events are"):
            db.execute(statement)
    db.close()


async def test_a_timer_outlives_its_conversation(store: Store) -> None:
    store.append(said("set a timer"))
    store.timers(Timer).add(Timer(id="t", name="tea", seconds=60, due=100))
    await store.flush()
    await store.delete("c1")
    assert [timer.name for timer in store.timers(Timer).all()] == ["tea"]


async def test_a_file_that_is_not_a_database_is_an_error(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError):
        delete(path, "c1", ENTRY)
    with pytest.raises(StoreError), reading(path) as db:
        conversations(db)
