"""The writer shares commits, survives full disks and bad entries, and counts what is lost."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.conversation import Event, EventKind
from appliance.errors import StoreError
from appliance.store import writer
from appliance.store.records import Client
from appliance.store.store import Store

from .events import answered, event, said


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not predicate():  # noqa: ASYNC110  another thread changes it, nothing to wait on
            await asyncio.sleep(0.01)


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Keeps all files of this process from growing beyond the log's size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = path.with_name(path.name + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (log, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def other_writer(path: Path) -> Iterator[None]:
    """Holds the write lock, as another program does."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_events_that_wait_together_share_a_commit(store: Store, path: Path) -> None:
    with other_writer(path):
        for number in range(200):
            store.append(said("hello", turn=number + 1))
        assert store.stats().queued == 200
    await store.flush()
    stats = store.stats()
    assert (stats.queued, stats.committed, stats.failed) == (0, 200, 0)
    assert stats.last_commit_seconds > 0
    events = (await store.conversation("c1")).events
    assert [stored.turn for stored in events] == list(range(1, 201))


async def test_any_thread_may_append(store: Store) -> None:
    def talk(name: str) -> None:
        for number in range(50):
            store.append(said(str(number), turn=number + 1, conversation=name))

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    await store.flush()
    for name in "abcd":
        said_there = [turn.user_text for turn in (await store.conversation(name)).turns]
        assert said_there == [str(number) for number in range(50)]


async def test_a_full_disk_loses_nothing_and_is_reported_once(path: Path) -> None:
    errors: list[StoreError] = []
    store = Store.open(path, on_error=errors.append)
    store.append(said("before"))
    await store.clients.add(Client("1", "phone", "user", 1.0, 1.0, None), "a" * 64)
    await store.flush()
    with full_disk(path):
        for number in range(50):
            store.append(answered("x" * 1000, turn=number + 2))
        await until(lambda: store.stats().retries >= 3)
        assert store.alive
        assert store.stats().queued == 50
        assert store.trouble == "full"
        # A revocation holds at once; the database learns of it when it can be written again.
        assert await store.clients.revoke("1", 2.0)
        assert await store.clients.by_token_hash("a" * 64) is None
        assert [turn.user_text for turn in await store.recent_turns("c1", 5)] == ["before"]
    await store.flush()
    assert store.stats().failed == 0
    assert len((await store.conversation("c1")).events) == 51
    assert len(errors) == 1
    assert "space" in errors[0].advice
    assert store.trouble == ""
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT revoked_at FROM clients").fetchall() == [(2.0,)]


async def test_a_database_that_is_removed_is_missed(store: Store, path: Path) -> None:
    assert store.trouble == ""
    path.rename(path.with_name("elsewhere"))
    assert store.trouble == "missing"
    path.with_name("elsewhere").rename(path)
    assert store.trouble == ""


async def test_closing_on_a_full_disk_ends_and_counts_the_loss(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.store.store.CLOSE_GRACE", 0.2)
    errors: list[StoreError] = []
    store = Store.open(path, on_error=errors.append)
    store.append(said("before"))
    await store.flush()
    with full_disk(path):
        store.append(answered("x" * 100_000))
        waiting = asyncio.ensure_future(store.flush())
        await until(lambda: store.stats().retries > 0)
        await store.close()
        with pytest.raises(StoreError):
            await waiting
    assert store.stats().failed == 1
    assert len(errors) == 2
    again = Store.open(path)
    assert again.quarantined is None
    assert len((await again.conversation("c1")).events) == 1
    await again.close()


async def test_the_queue_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "POSTED_LIMIT", 10)
    errors: list[StoreError] = []
    store = Store.open(path, on_error=errors.append)
    with other_writer(path):
        store.append(said("taken"))
        await until(lambda: store.stats().queued == 1 and not store._writer._queue._waiting)
        for number in range(15):
            store.append(said("hello", turn=number + 1))
    assert store.stats().failed == 5
    assert len(errors) == 1
    await store.flush()
    assert store.stats().committed == 11
    await store.close()


@pytest.mark.parametrize(
    "bad",
    [
        event(EventKind.ANSWER, at=float("nan")),
        event(EventKind.ANSWER, turn=2**70),
        Event(EventKind.ANSWER, "half a \ud800 pair", "s", 1.0),
    ],
    ids=["time", "turn", "identity"],
)
async def test_an_event_that_cannot_be_stored_loses_no_other(path: Path, bad: Event) -> None:
    errors: list[StoreError] = []
    store = Store.open(path, on_error=errors.append)
    with other_writer(path):  # so that all three share a commit, and a caller waits for it
        store.append(said("before"))
        store.append(bad)
        store.append(answered("after"))
        waiting = asyncio.ensure_future(store.flush())
        await asyncio.sleep(0)
    with pytest.raises(StoreError, match="1 entries"):
        await waiting
    (turn,) = (await store.conversation("c1")).turns
    assert (turn.user_text, turn.answer) == ("before", "after")
    assert store.stats().failed == len(errors) == 1
    await store.flush()
    await store.close()


async def test_an_error_handler_that_fails_does_not_end_the_writer(path: Path) -> None:
    def handle(_: StoreError) -> None:
        raise RuntimeError("the handler is broken")

    store = Store.open(path, on_error=handle)
    with other_writer(path):  # so that nothing is lost before a caller waits
        store.append(event(EventKind.ANSWER, turn=2**70))
        store.append(said("still here"))
        waiting = asyncio.ensure_future(store.flush())
        await asyncio.sleep(0)
    with pytest.raises(StoreError):
        await waiting
    assert len((await store.conversation("c1")).turns) == 1
    await store.close()


async def test_a_cancelled_flush_disturbs_no_event(store: Store, path: Path) -> None:
    with other_writer(path):
        store.append(said("one"))
        waiting = asyncio.ensure_future(store.flush())
        await asyncio.sleep(0)
        waiting.cancel()
    store.append(said("two", turn=2))
    await store.flush()
    assert store.stats().committed == 2


async def test_closing_commits_what_is_queued_and_may_be_repeated(path: Path) -> None:
    errors: list[StoreError] = []
    store = Store.open(path, on_error=errors.append)
    for number in range(2000):
        store.append(said("hello", turn=number + 1))
    await store.close()
    await store.close()
    assert store.stats().committed == 2000
    assert not store.alive
    store.append(said("too late"))
    assert store.stats().failed == 1
    assert len(errors) == 1
    refused: list[Any] = [store.flush(), store.conversations()]
    for attempt in refused:
        with pytest.raises(StoreError, match="closed"):
            await attempt


async def test_a_writer_that_is_stuck_is_not_alive(
    store: Store, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr("appliance.store.writer.STUCK_SECONDS", 0.05)
    assert store.alive
    with other_writer(path):
        store.append(said("hello"))
        await until(lambda: not store.alive)
    await store.flush()
    assert store.alive
