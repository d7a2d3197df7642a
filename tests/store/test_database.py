"""Opening the database: locks, versions, migrations, and damaged files."""

import asyncio
import contextlib
import random
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from appliance.errors import StoreError
from appliance.store.database import open_for_writing
from appliance.store.queries import conversations, reading, search
from appliance.store.store import Store

from .events import answered, said


def stop(path: Path, *, clean: bool) -> None:
    """Opens and closes the database, in order or as a crash leaves it."""
    opened = open_for_writing(path)
    opened.db.close()
    opened.release(clean=clean)


async def fill(path: Path, words: int = 300) -> None:
    store = Store.open(path)
    for number in range(words):
        store.append(said(f"word{number} and more", turn=number + 1))
    await store.close()


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> bytes:
    """Changes the content of the file, and returns the new content."""
    path.write_bytes(change(path.read_bytes()))
    return path.read_bytes()


def test_the_files_are_private_and_the_settings_durable(path: Path) -> None:
    opened = open_for_writing(path)
    settings = {
        name: opened.db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    rights = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    opened.db.close()
    opened.release(clean=True)
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(rights) == 4
    assert set(rights.values()) == {0o600}


def test_a_second_writer_is_refused_until_the_first_releases_the_lock(path: Path) -> None:
    first = open_for_writing(path)
    with pytest.raises(StoreError, match="another appliance"):
        open_for_writing(path)
    first.db.close()
    first.release(clean=True)
    stop(path, clean=True)


def test_a_newer_database_is_refused_and_not_changed(path: Path) -> None:
    opened = open_for_writing(path)
    opened.db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)",
        ("voice-appliance", "9999_future", "later"),
    )
    opened.db.close()
    opened.release(clean=False)
    before = path.read_bytes()
    for _ in range(2):  # a refusal also releases the lock
        with pytest.raises(StoreError, match="newer version") as refusal:
            Store.open(path)
        assert "Update" in refusal.value.advice
    assert path.read_bytes() == before
    with pytest.raises(StoreError, match="newer version"), reading(path):
        pass


def test_a_foreign_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE bookmarks (url)")
    foreign.close()
    with pytest.raises(StoreError, match="another program"):
        Store.open(path)


@pytest.mark.parametrize("place", ["file/below/it.db", "directory"])
def test_a_path_that_cannot_be_used_is_an_error_with_advice(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path / place)
    assert error.value.advice


async def test_a_migration_and_its_record_are_one_transaction(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(path, clean=True)
    schema = tmp_path / "schema"
    schema.mkdir()
    for file in (Path(__file__).parents[2] / "appliance/store/schema").glob("*.sql"):
        (schema / file.name).write_text(file.read_text())
    step = schema / "9000_unheard_of.sql"
    step.write_text("CREATE TABLE unheard_of (id TEXT); INSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr("appliance.store.database.SCHEMA", schema)
    with pytest.raises(StoreError, match="nowhere"):
        Store.open(path)
    with pytest.raises(StoreError, match="older version"), reading(path):
        pass
    step.write_text("CREATE TABLE unheard_of (id TEXT);")
    store = Store.open(path)
    await store.close()
    with reading(path) as db:
        assert db["unheard_of"].exists()


async def test_a_destroyed_header_is_moved_aside(path: Path) -> None:
    await fill(path)
    broken = rewrite(path, lambda sound: b"garbage" * 100 + sound[700:])
    store = Store.open(path)
    assert store.quarantined is not None
    assert store.quarantined.name.startswith("voice_conversations.db.corrupt.")
    assert rewrite(store.quarantined, bytes) == broken
    store.append(said("still here"))
    await store.flush()
    assert len(await store.conversations()) == 1
    await store.close()


async def test_after_a_crash_the_pages_are_checked(path: Path) -> None:
    await fill(path)
    stop(path, clean=False)
    rewrite(path, lambda sound: sound[:40_000] + b"\xff" * 4096 + sound[44_096:])
    store = Store.open(path)
    assert store.quarantined is not None
    await store.close()


async def test_a_sound_database_survives_a_crash_in_place(path: Path) -> None:
    await fill(path)
    stop(path, clean=False)
    store = Store.open(path)
    assert store.quarantined is None
    assert len((await store.conversation("c1")).turns) == 300
    await store.close()


async def test_a_damaged_search_index_is_rebuilt(path: Path) -> None:
    await fill(path)
    opened = open_for_writing(path)
    opened.db.execute("UPDATE spoken_data SET block = x'00' WHERE id > 10")
    opened.db.close()
    opened.release(clean=False)
    store = Store.open(path)
    assert store.quarantined is None
    assert len(await store.search("word77")) == 1
    await store.close()


@pytest.mark.parametrize("block", ["x'00'", "zeroblob(4000)", "randomblob(4000)"])
async def test_a_damaged_search_index_costs_no_event(path: Path, block: str) -> None:
    await fill(path)
    opened = open_for_writing(path)
    opened.db.execute(f"UPDATE spoken_data SET block = {block}")
    opened.db.close()
    opened.release(clean=True)
    store = Store.open(path)
    store.append(answered("a platypus", turn=301))
    await store.flush()
    assert (await store.conversation("c1")).turns[-1].answer == "a platypus"
    await store.close()
    store = Store.open(path)
    assert store.quarantined is None
    assert [found.kind for found in await store.search("platypus")] == ["answer"]
    assert len(await store.search("word77")) == 1
    await store.close()


def spoil(path: Path, *, table: str) -> None:
    """Overwrites the first page of a table, as a disk does that fails."""
    with reading(path) as db:
        (page,) = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))


async def test_damage_found_while_writing_is_replaced_at_the_next_start(path: Path) -> None:
    await fill(path)
    errors: list[StoreError] = []
    store = Store.open(path, on_error=errors.append)
    await asyncio.to_thread(store.scrubber.wait, 60)
    spoil(path, table="events")
    store._opened.db.execute("PRAGMA shrink_memory")  # what it has read already is sound
    store.append(answered("anything"))
    with pytest.raises(StoreError):
        await store.flush()
    assert not store.alive
    assert errors
    store.append(answered("refused"))
    assert store.stats().failed == 2
    await store.close()
    store = Store.open(path)
    assert store.quarantined is not None
    store.append(answered("heard again"))
    await store.flush()
    assert len(await store.search("heard")) == 1
    await store.close()


def forget(path: Path, condition: str) -> None:
    """Takes migrations from the record, as a damaged page of its table or index does."""
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(f"DELETE FROM _sqlite_migrations WHERE {condition}").rowcount


@pytest.mark.parametrize(
    "condition", ["name > '0004'", "name = '0003_tasks'", "name < '0003'", "true"]
)
async def test_a_record_of_migrations_that_cannot_be_true_is_damage(
    path: Path, condition: str
) -> None:
    await fill(path)
    forget(path, condition)
    store = Store.open(path)
    assert store.quarantined is not None
    assert len((await store.conversation("c1")).turns) == 300
    await store.close()


def test_a_start_that_was_killed_before_its_first_migration_is_made_up_for(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        steps = Migrations("voice-appliance")
        steps.ensure_migrations_table(Database(db))
    stop(path, clean=True)
    with reading(path) as db:
        assert db["events"].exists()


@pytest.mark.parametrize(
    ("sound", "spoilt"),
    [
        (b"word150 and", b"word150 an\xff"),  # in an event
        (b"session of c1", b"session\xffof c1"),
        (b"+00:00", b"\xff00:00"),  # in the record of migrations
    ],
)
async def test_a_letter_that_is_spoilt_costs_that_letter(
    path: Path, sound: bytes, spoilt: bytes
) -> None:
    await fill(path)
    rewrite(path, lambda content: content.replace(sound, spoilt))
    store = Store.open(path)
    assert len((await store.conversation("c1")).events) == 300
    store.append(said("and on it goes", turn=301))
    await store.flush()
    await store.close()


@pytest.mark.parametrize("spoilt", [b"CREATE TABL\xff tasks", b"CREATE TABLE t\xe3sks"])
async def test_a_schema_that_is_spoilt_keeps_nobody_from_starting(
    path: Path, spoilt: bytes
) -> None:
    await fill(path)
    rewrite(path, lambda content: content.replace(b"CREATE TABLE tasks", spoilt))
    store = Store.open(path)
    assert store.quarantined is not None
    store.append(said("and on it goes", turn=301))
    await store.flush()
    await store.close()


async def test_an_index_that_leads_to_no_row_is_found_and_the_rows_saved(path: Path) -> None:
    await fill(path)
    index = "WHERE name = 'events_by_conversation' OR type = 'trigger' AND tbl_name = 'events'"
    with closing(sqlite3.connect(path)) as db, db:
        kept = db.execute(f"SELECT * FROM sqlite_master {index}").fetchall()
        db.execute("PRAGMA writable_schema = ON")
        db.execute(f"DELETE FROM sqlite_master {index}")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM events WHERE turn = 150")
        db.execute("PRAGMA writable_schema = ON")
        db.executemany("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", kept)
    store = Store.open(path)
    assert store.quarantined is not None
    assert len((await store.conversation("c1")).events) == 299
    await store.close()


async def test_a_page_that_is_spoilt_after_a_clean_stop_is_found_and_the_rest_saved(
    path: Path,
) -> None:
    await fill(path)
    start = path.read_bytes().index(b'"text": "word150') // 4096 * 4096  # a page of events
    rewrite(path, lambda sound: sound[:start] + bytes(4096) + sound[start + 4096 :])
    store = Store.open(path)
    assert store.quarantined is not None
    kept = await store.conversation("c1")
    assert 200 < len(kept.events) < 300
    assert len(kept.turns) == 300
    assert len(await store.search("word7")) > 5
    store.append(said("and on it goes", turn=301))
    await store.flush()
    await store.close()


async def test_conversations_of_which_only_events_are_left_are_adopted(path: Path) -> None:
    await fill(path)
    spoil(path, table="conversations")
    store = Store.open(path)
    assert store.quarantined is not None
    kept = await store.conversation("c1")
    assert (kept.summary.client_id, len(kept.events)) == (None, 300)
    await store.close()


async def test_a_store_closes_in_order_on_a_full_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(path)

    class FullDisk:
        def write(self, _data: bytes) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            lock.close()

    lock = store._opened.lock
    object.__setattr__(store._opened, "lock", FullDisk())
    await store.close()
    assert lock.closed


def damaged(sound: bytes, dice: random.Random) -> bytes:
    """Truncates the file, flips bits (more of them near the start), or does both."""
    broken = bytearray(sound[: dice.choice([len(sound), dice.randrange(1, len(sound))])])
    for _ in range(dice.choice([0, 1, 100])):
        place = min(int(dice.expovariate(1 / 4096)), len(broken) - 1)
        broken[place] ^= dice.randrange(256)
    return bytes(broken)


async def test_no_damage_stops_the_appliance_from_starting(path: Path) -> None:
    """With sixty damaged files each start succeeds, with the old file or a fresh one."""
    await fill(path, words=60)
    sound = rewrite(path, bytes)
    dice = random.Random(1)
    for _ in range(60):
        rewrite(path, lambda _: damaged(sound, dice))
        rewrite(path.with_name(path.name + ".lock"), lambda _: b"")
        store = Store.open(path)
        await store.close()
        with reading(path) as db:
            conversations(db)
            search(db, "word7")


async def test_the_file_of_an_older_version_learns_to_shrink(path: Path) -> None:
    store = Store.open(path)
    store.append(said("still here"))
    await store.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE").fetchall()
        db.execute("PRAGMA auto_vacuum = NONE").fetchall()
        db.execute("VACUUM")
        assert db.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    store = Store.open(path)
    with reading(path) as db:
        assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert [hit.excerpt for hit in await store.search("here")] == ["still [here]"]
    await store.close()
