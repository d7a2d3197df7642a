"""What is too old or too much is found, and leaves no word in any file."""

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

from appliance.conversation import EventKind, TaskState
from appliance.errors import NotFound
from appliance.store.recordings import RecordingLimits
from appliance.store.records import AuditEntry
from appliance.store.retention_rules import DAY, RetentionKind
from appliance.store.store import Store

from .events import answered, event, said
from .test_deletion import files_with
from .test_tasks import task

NOW = 1_800_000_000.0
OLD, YOUNG = NOW - 31 * DAY, NOW - 29 * DAY
CONVERSATIONS = {RetentionKind.CONVERSATIONS: 30.0}


async def talk(
    store: Store, conversation: str, at: float, words: str = "the quokka sleeps"
) -> None:
    store.append(event(EventKind.SESSION_STARTED, at, conversation=conversation, client_id="k1"))
    store.append(said(words, at, conversation=conversation))
    store.append(answered(f"{words}, I hear", at, conversation=conversation))
    await store.flush()


async def record(store: Store, conversation: str, at: float, path: Path) -> Path:
    limits = RecordingLimits(minutes=10, total_bytes=10**9)
    writer = await store.recordings.begin(conversation, "s1", at, limits)
    writer.write(b"\1\0\2\0" * 24_000)
    await writer.close()
    (file,) = (path.parent / "recordings" / conversation).glob(f"{round(at * 1000)}-*.flac")
    os.utime(file, (at, at))
    return file


async def test_conversations_go_by_their_last_use_and_not_while_they_are_in_use(
    store: Store,
) -> None:
    for name, at in (("old", OLD), ("open", OLD), ("working", OLD), ("young", YOUNG)):
        await talk(store, name, at)
    await talk(store, "resumed", OLD)
    await talk(store, "resumed", YOUNG)
    await store.tasks.add(task("t1", conversation_id="working"))
    found = await store.retention.expired(CONVERSATIONS, NOW, in_use={"open"})
    assert [name for name, _ in found.conversations] == ["old"]
    assert found.counts()[RetentionKind.CONVERSATIONS] == 1
    assert (await store.retention.expired({}, NOW, ())).conversations == ()


async def test_a_conversation_that_is_used_meanwhile_stays(store: Store) -> None:
    await talk(store, "old", OLD)
    found = await store.retention.expired(CONVERSATIONS, NOW, ())
    await talk(store, "old", NOW)
    ((name, used),) = found.conversations
    assert not await store.retention.delete_conversation(name, used)
    assert [one.id for one in await store.conversations()] == ["old"]


async def test_no_word_of_what_retention_deletes_is_left(store: Store, path: Path) -> None:
    await talk(store, "old", OLD)
    await talk(store, "kept", YOUNG, "good morning")
    await record(store, "old", OLD, path)
    await store.tasks.add(task("t1", TaskState.ACCEPTED, conversation_id="kept"))
    ended = task("t1", TaskState.DONE, conversation_id="kept", result="a wombat", updated_at=OLD)
    store.tasks.save(ended, {"state": ended.state, "result": ended.result})
    entry = AuditEntry(OLD, "renamed", "koala", None, "done", None, "")
    store.clients.audit(entry)
    await store.flush()
    backups = path.parent / "backups"
    backups.mkdir()
    with (
        contextlib.closing(sqlite3.connect(backups / "before-1.db")) as copy,
        contextlib.closing(sqlite3.connect(path)) as source,
    ):
        source.backup(copy)
    words = ("quokka", "wombat", "koala")
    assert all(len(files_with(path, word)) >= 2 for word in words)

    limits = dict.fromkeys(RetentionKind, 30.0) | {RetentionKind.SIZE: 1000.0}
    found = await store.retention.expired(limits, NOW, ())
    assert (len(found.conversations), found.over_size, found.tasks) == (1, (), ("t1",))
    assert (len(found.recordings), found.audit) == (1, 1)
    assert await store.retention.delete_conversation(*found.conversations[0])
    await store.retention.delete_task("t1")
    await store.retention.delete_entries(found.audit_through)
    store.scrubber.request()
    assert await asyncio.to_thread(store.scrubber.wait, 60)

    assert [files_with(path, word) for word in words] == [[], [], []]
    assert not (path.parent / "recordings" / "old").exists()
    assert [one.id for one in await store.conversations()] == ["kept"]
    assert len(await store.search("morning")) == 2
    with pytest.raises(NotFound):
        await store.tasks.get("t1")
    with contextlib.closing(sqlite3.connect(backups / "before-1.db")) as copy:
        assert copy.execute("SELECT id FROM conversations").fetchall() == [("kept",)]
        with pytest.raises(sqlite3.IntegrityError):  # the copy has its guards again
            copy.execute("DELETE FROM events")


async def test_tasks_that_have_not_ended_and_young_ones_stay(store: Store) -> None:
    await store.tasks.add(task("t1", conversation_id="", updated_at=OLD))
    await store.tasks.add(task("t2", TaskState.DONE, conversation_id="", updated_at=YOUNG))
    found = await store.retention.expired({RetentionKind.TASKS: 30.0}, NOW, ())
    assert found.tasks == ()


async def test_the_audit_trail_loses_only_its_beginning(store: Store, path: Path) -> None:
    for number, at in enumerate((OLD, OLD, YOUNG, OLD)):
        store.clients.audit(AuditEntry(at, "renamed", None, None, "done", None, str(number)))
    await store.flush()
    found = await store.retention.expired({RetentionKind.AUDIT: 30.0}, NOW, ())
    assert (found.audit, found.audit_through) == (2, 2)
    await store.retention.delete_entries(2)
    assert [entry.detail for entry in await store.clients.audit_trail()] == ["3", "2"]
    with (
        contextlib.closing(sqlite3.connect(path)) as db,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        db.execute("DELETE FROM audit WHERE id = 3")


async def test_recordings_go_before_their_conversation(store: Store, path: Path) -> None:
    for name, at in (("a", OLD), ("b", YOUNG), ("open", OLD)):
        await talk(store, name, YOUNG)
        await record(store, name, at, path)
    found = await store.retention.expired({RetentionKind.RECORDINGS: 30.0}, NOW, in_use={"open"})
    assert [file.conversation_id for file in found.recordings] == ["a"]


async def test_beyond_the_size_the_oldest_go_first_and_no_more_than_needed(store: Store) -> None:
    for number in range(10):
        for turn in range(30):
            text = f"number {number} " * 100
            store.append(said(text, OLD + number, turn + 1, conversation=f"c{number}"))
    await store.flush()
    everything = {RetentionKind.SIZE: 0.001}
    found = await store.retention.expired(everything, NOW, in_use={"c3"})
    assert [name for name, _ in found.over_size] == [f"c{n}" for n in range(10) if n != 3]
    size = await store.retention.used_bytes()
    found = await store.retention.expired({RetentionKind.SIZE: 0.75 * size / 1e6}, NOW, ())
    assert [name for name, _ in found.over_size] == ["c0", "c1", "c2"]


@pytest.mark.parametrize("leap", [20 * 365 * DAY, -NOW])
async def test_a_leap_of_the_clock_makes_nothing_old(store: Store, path: Path, leap: float) -> None:
    """Neither by the wrong clock, nor when it is right again; and nothing becomes young."""
    limits = dict.fromkeys(RetentionKind, 30.0) | {RetentionKind.SIZE: 1000.0}
    for name, at in (("old", OLD), ("young", YOUNG)):
        await talk(store, name, at)
        await record(store, name, at, path)
        await store.tasks.add(
            task(f"t{at == OLD:d}", TaskState.DONE, conversation_id="", updated_at=at)
        )
        store.clients.audit(AuditEntry(at, "renamed", None, None, "done", None, name))
    await store.flush()
    one_each = [1, 0, 1, 1, 1]

    async def counts(now: float) -> list[int]:
        return list((await store.retention.expired(limits, now, ())).counts().values())

    assert await counts(NOW) == one_each
    there = NOW + leap
    await talk(store, "new", there)  # by the new clock, before the leap is noticed
    await store.retention.shift(leap, there - 60, there + 5)
    assert await counts(there) == one_each
    await talk(store, "young", there)
    await store.retention.shift(-leap, NOW - 60, NOW + 5)
    assert await counts(NOW) == one_each
    await talk(store, "young", NOW + 1)
    found = await store.retention.expired(CONVERSATIONS, NOW + 31 * DAY, ())
    assert {name for name, _ in found.conversations} >= {"old", "young"}
