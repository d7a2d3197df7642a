"""Recordings are files beside the database, bounded, and gone with their conversation."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from appliance.conversation import Event, EventKind
from appliance.errors import NotFound, StoreError
from appliance.store import deletion, erasure, recordings
from appliance.store.connection import connect, transaction
from appliance.store.database import QUARANTINED
from appliance.store.recordings import RATE, RecordingLimits, RecordingWriter
from appliance.store.records import AuditEntry
from appliance.store.store import Store

LIMITS = RecordingLimits(minutes=1, total_bytes=10**9)
SECOND = np.tile(np.array([1000, -2000], np.int16), RATE).tobytes()


async def converse(store: Store, conversation_id: str) -> None:
    store.append(Event(EventKind.SESSION_STARTED, conversation_id, "s", 1.0, 0, {"client_id": "k"}))
    await store.flush()


async def record(store: Store, conversation_id: str, seconds: int = 1) -> str:
    """Makes a conversation with a recording, and returns the recording's id."""
    await converse(store, conversation_id)
    writer = await store.recordings.begin(conversation_id, "s", 1700.5, LIMITS)
    for _ in range(seconds):
        assert writer.write(SECOND)
    await writer.close()
    await writer.close()
    (made,) = await store.recordings.listed(conversation_id)
    return made.id


def kept_files(path: Path) -> list[str]:
    """All that is left below the directory of the database but the database itself."""
    return sorted(
        str(file.relative_to(path.parent))
        for file in path.parent.rglob("*")
        if not file.name.startswith(path.name)
    )


async def test_a_recording_is_kept_and_heard_again(store: Store, path: Path) -> None:
    recording_id = await record(store, "c1", seconds=2)
    (made,) = await store.recordings.listed("c1")
    assert (made.session_id, made.started_at, made.seconds) == ("s", 1700.5, 2.0)
    file = store.recordings.file("c1", recording_id)
    assert made.bytes == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    samples, rate = soundfile.read(file, dtype="int16")
    assert (rate, samples.shape) == (RATE, (2 * RATE, 2))
    assert (samples == [1000, -2000]).all()


async def test_deleting_a_conversation_deletes_its_recordings(store: Store, path: Path) -> None:
    await record(store, "c1")
    other = await record(store, "c2")
    await store.delete("c1")
    assert kept_files(path) == ["recordings", "recordings/c2", f"recordings/c2/{other}.flac"]
    # The command line deletes beside the daemon.
    erasure.delete(path, "c2", AuditEntry(1.0, "deleted", None, None, "done", None, "c2"))
    assert kept_files(path) == ["recordings"]


async def test_one_recording_is_deleted_alone(store: Store, path: Path) -> None:
    recording_id = await record(store, "c1")
    await store.recordings.delete("c1", recording_id)
    assert await store.recordings.listed("c1") == []
    assert kept_files(path) == ["recordings"]
    with pytest.raises(NotFound):
        await store.recordings.delete("c1", recording_id)


async def test_a_start_removes_recordings_without_a_conversation(path: Path) -> None:
    store = Store.open(path)
    recording_id = await record(store, "c1")
    await store.close()
    shutil.copytree(path.parent / "recordings/c1", path.parent / "recordings/gone")
    again = Store.open(path)
    try:
        kept = f"recordings/c1/{recording_id}.flac"
        assert kept_files(path) == ["recordings", "recordings/c1", kept]
    finally:
        await again.close()


async def test_the_recordings_of_a_lost_database_are_set_aside(path: Path) -> None:
    store = Store.open(path)
    recording_id = await record(store, "c1")
    await store.close()
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    again = Store.open(path)
    try:
        assert again.quarantined is None
        [kept] = path.parent.rglob(f"{recording_id}.flac")
        assert kept.parent.name == "c1"
        assert kept.parent.parent.name.startswith(f"{path.name}{QUARANTINED}")
        # It may hold what somebody wants gone: a deletion takes it along, as it does a database.
        await record(again, "c2")
        await again.delete("c2")
        assert await asyncio.to_thread(again.scrubber.wait, 60)
        assert list(path.parent.rglob("*.flac")) == []
    finally:
        await again.close()


async def test_a_database_without_conversations_removes_no_recording(
    store: Store, path: Path
) -> None:
    kept = path.parent / "recordings" / "c1" / "1-s.flac"  # which could not be set aside
    kept.parent.mkdir(parents=True)
    kept.touch()
    deletion.remove_recordings(path)
    assert kept.exists()


async def test_a_crash_between_rows_and_recordings_leaves_no_recording(path: Path) -> None:
    store = Store.open(path)
    await record(store, "c1")
    await store.close()
    with closing(connect(path)) as db, transaction(db):
        assert deletion.delete_rows(db, "c1")
    again = Store.open(path)
    try:
        assert list(path.parent.rglob("*.flac")) == []
    finally:
        await again.close()


async def test_the_recordings_of_a_damaged_database_are_kept_with_it(path: Path) -> None:
    store = Store.open(path)
    recording_id = await record(store, "c1")
    await store.close()
    path.write_bytes(b"damaged" * 1000)
    again = Store.open(path)
    try:
        assert again.quarantined is not None
        kept = again.quarantined.with_name(again.quarantined.name + "-recordings")
        assert (kept / "c1" / f"{recording_id}.flac").is_file()
        assert not (path.parent / "recordings").exists()
    finally:
        await again.close()


async def test_a_recording_that_was_cut_off_can_be_heard(store: Store, path: Path) -> None:
    await converse(store, "c1")
    writer = await store.recordings.begin("c1", "s", 1700.5, LIMITS)
    for _ in range(5):
        writer.write(SECOND)
    await writer.close()
    file = next(path.parent.rglob("*.flac"))
    whole = file.read_bytes()
    # As the file stands while it is made: its head tells no length.
    file.write_bytes(whole[:21] + bytes([whole[21] & 0xF0, 0, 0, 0, 0]) + whole[26:-500])
    (made,) = await store.recordings.listed("c1")
    assert made.seconds is None
    assert made.bytes > 0


async def test_recordings_are_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    await converse(store, "c1")
    short = await store.recordings.begin("c1", "s", 1.0, RecordingLimits(2 / 60, 10**9))
    assert [short.write(SECOND) for _ in range(3)] == [True, True, False]
    await short.close()
    with pytest.raises(StoreError, match="no room"):
        await store.recordings.begin("c1", "s", 2.0, RecordingLimits(1, 100))
    full = SimpleNamespace(free=recordings.MIN_FREE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: full)
    with pytest.raises(StoreError, match="no room"):
        await store.recordings.begin("c1", "s", 3.0, LIMITS)


async def test_a_disk_that_fills_up_ends_a_recording(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await converse(store, "c1")
    writer = await store.recordings.begin("c1", "s", 1.0, LIMITS)
    full = SimpleNamespace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: full)
    assert writer.write(SECOND)
    await flushed(writer)
    assert not writer.write(SECOND)
    await writer.close()


async def flushed(writer: RecordingWriter) -> None:
    """Waits until the thread has done all that was queued."""
    await asyncio.gather(*map(asyncio.wrap_future, writer._waiting))


@pytest.mark.parametrize(
    ("conversation_id", "recording_id"),
    [("../c1", "1-s"), ("c1", "../../voice_conversations"), ("c1", "1-s/../x"), ("c1", "1-s.flac")],
)
async def test_no_name_leads_out_of_the_directory(
    store: Store, conversation_id: str, recording_id: str
) -> None:
    await record(store, "c1")
    with pytest.raises(NotFound):
        store.recordings.file(conversation_id, recording_id)
