"""Open pages hear of a conversation when it is in the database, and of no other's or unkept one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from appliance.access.tokens import Role
from appliance.app.conversation_feed import ConversationFeed
from appliance.conversation import Event, EventKind
from appliance.event_hub import EventHub, Topic
from appliance.store.store import Store
from tests.stranger import until


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store.open(tmp_path / "voice.db")
    yield opened
    await opened.close()


def begun(conversation: str, client: str = "alice") -> Event:
    session = f"session of {conversation}"
    return Event(EventKind.SESSION_STARTED, conversation, session, 1.0, 0, {"client_id": client})


def ended(conversation: str) -> Event:
    return Event(EventKind.SESSION_ENDED, conversation, f"session of {conversation}", 2.0)


async def test_a_page_that_hears_of_a_conversation_finds_it(store: Store, tmp_path: Path) -> None:
    hub = EventHub()
    feed = ConversationFeed(store, hub)
    with hub.subscribed("alice", Role.USER) as page:
        hearing = asyncio.create_task(page.next())
        other = sqlite3.connect(tmp_path / "voice.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # nothing can be written meanwhile
        feed.record(begun("c1"))

        async def is_held_up() -> bool:
            return store.stats().retries > 0

        await until(is_held_up)
        assert not hearing.done()
        other.execute("ROLLBACK")
        other.close()
        event = await asyncio.wait_for(hearing, 20)
        assert event is not None
        assert (event.topic, event.data) == (
            *(Topic.CONVERSATIONS, {"id": "c1", "change": "created"}),
        )
        assert [one.id for one in await store.conversations()] == ["c1"]
    await feed.close()


async def test_a_page_hears_of_what_is_kept_and_its_own(store: Store) -> None:
    hub = EventHub()
    feed = ConversationFeed(store, hub)
    await store.keeping.stop("unkept", "alice")
    with hub.subscribed("alice", Role.USER) as page:
        for event in (begun("unkept"), begun("selftest-1"), begun("bobs", "bob"), begun("hers")):
            feed.record(event)
        for conversation in ("unkept", "selftest-1", "bobs", "hers"):
            feed.record(ended(conversation))
        heard = [await asyncio.wait_for(page.next(), 20) for _ in range(2)]
        assert [event and event.data for event in heard] == [
            {"id": "hers", "change": "created"},
            {"id": "hers", "change": "changed"},
        ]
    await feed.close()
