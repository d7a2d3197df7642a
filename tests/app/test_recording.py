"""A recording begins where the settings allow it, and not before its conversation is kept."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.app.recording import open_recording
from appliance.config.loader import Config, load
from appliance.conversation import Event, EventKind
from appliance.errors import Forbidden
from appliance.store.store import Store
from tests.stranger import until


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store.open(tmp_path / "voice.db")
    yield opened
    await opened.close()


def config(allowed: str) -> Config:
    return load([], {"APPLIANCE__RECORDING__ALLOWED": allowed})


async def test_no_recording_is_made_before_its_conversation_is_in_the_database(
    store: Store, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "voice.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # nothing can be written meanwhile
    store.append(Event(EventKind.SESSION_STARTED, "c1", "s1", 1.0, 0, {"client_id": "alice"}))
    opening = asyncio.create_task(open_recording(config("true"), store, "c1", "s1", 1.0))

    async def is_held_up() -> bool:
        return store.stats().retries > 0

    await until(is_held_up)
    assert not (tmp_path / "recordings").exists()
    assert not opening.done()
    other.execute("ROLLBACK")
    other.close()
    writer = await asyncio.wait_for(opening, 20)
    assert [one.id for one in await store.conversations()] == ["c1"]
    await writer.close()
    assert len(await store.recordings.listed("c1")) == 1


async def test_recordings_are_made_where_they_are_allowed(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        await open_recording(config("false"), store, "c1", "s1", 1.0)
    assert not (tmp_path / "recordings").exists()
