"""Reading conversations: pages, search, export, with and without a running daemon."""

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.conversation import Event, EventKind
from appliance.errors import NotFound, StoreError
from appliance.store import export, queries
from appliance.store.database import open_for_writing
from appliance.store.event_rows import encode, record
from appliance.store.queries import (
    conversation,
    conversations,
    reading,
    recent_turns,
    search,
    turn_traces,
)
from appliance.store.store import Store

from .events import answered, event, said
from .exported import exported


async def talk(store: Store, *sentences: str) -> None:
    """Adds a conversation for each sentence, c0, c1, …, all of the same time."""
    for number, sentence in enumerate(sentences):
        store.append(said(sentence, conversation=f"c{number}"))
    await store.flush()


async def test_reading_works_with_and_without_the_daemon(path: Path) -> None:
    store = Store.open(path)
    await talk(store, "hello", "good morning")
    for _ in ("with the daemon", "without it"):
        with reading(path) as db:
            assert [summary.title for summary in conversations(db)] == ["good morning", "hello"]
            assert conversation(db, "c1").turns[0].user_text == "good morning"
        await store.close()
    again = Store.open(path)
    assert again.quarantined is None
    await again.close()


def test_without_a_database_there_is_advice(path: Path) -> None:
    with pytest.raises(StoreError, match="no database") as error, reading(path):
        pass
    assert "store.path" in error.value.advice
    assert not path.exists()


async def test_a_reader_cannot_write(store: Store, path: Path) -> None:
    await talk(store, "hello")
    with pytest.raises(StoreError, match="readonly"), reading(path) as db:
        db.execute("DELETE FROM conversations")


@given(st.integers(1, 4), st.lists(st.integers(0, 2), max_size=9))
@settings(max_examples=25, deadline=None)
async def test_all_pages_together_are_the_whole_list(size: int, moments: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory) / "voice.db")
        for number, moment in enumerate(moments):
            store.append(said("hello", at=moment, conversation=str(number)))
        await store.flush()
        listed = []
        before: str | None = None
        while page := await store.conversations(limit=size, before=before):
            assert len(page) <= size
            listed += page
            before = page[-1].id
        assert [(entry.updated_at, entry.id) for entry in listed] == sorted(
            ((float(moment), str(number)) for number, moment in enumerate(moments)), reverse=True
        )
        await store.close()


async def test_an_unknown_conversation_is_not_found(store: Store) -> None:
    for attempt in (
        store.conversation("x"),
        exported(store, "x"),
        store.delete("x"),
        store.conversations(before="x"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await store.recent_turns("x", 5) == []


async def test_each_client_has_its_own_history(store: Store) -> None:
    for name in ("ann", "bob"):
        store.append(event(EventKind.SESSION_STARTED, conversation=name, client_id=name))
        store.append(said(f"hello from {name}", conversation=name))
    await store.flush()
    assert [summary.id for summary in await store.conversations(client_id="ann")] == ["ann"]
    assert [found.title for found in await store.search("hello", client_id="bob")] == [
        "hello from bob"
    ]
    assert len(await store.search("hello")) == 2


async def test_search_ignores_case_accents_and_word_endings(store: Store) -> None:
    await talk(store, "Wie spät ist es in Zürich?", "the time in Paris")
    store.append(answered("It is three o'clock.", conversation="c1"))
    store.append(event(EventKind.ERROR, text="three errors"))
    await store.flush()
    assert [found.conversation_id for found in await store.search("SPAT zur")] == ["c0"]
    (found,) = await store.search("three")
    assert (found.conversation_id, found.kind, found.turn) == ("c1", "answer", 1)
    assert found.excerpt == "It is [three] o'clock."
    assert len(await store.search("in")) == 2
    assert len(await store.search("in", limit=1)) == 1
    assert await store.search("paris zürich") == []
    assert await store.search("?!") == []


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spoken") / "voice.db"
    opened = open_for_writing(path)
    record(opened.db, encode(said("the cat and the hat")))
    opened.db.close()
    opened.release(clean=True)
    return path


@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                "cat",
                "AND",
                "OR",
                "NOT",
                "NEAR(",
                "text:",
                "^",
                '"',
                "*",
                "-",
                "(",
                "\0",
                "\ud800",
                "_",
            ]
        )
    ).map(" ".join)
)
@settings(deadline=None)
def test_search_takes_any_text(spoken: Path, text: str) -> None:
    with reading(spoken) as db:
        search(db, text)
        assert len(search(db, "hat " + "cat " * 1000)) == 1


async def test_the_latest_turns_are_returned_oldest_first(store: Store) -> None:
    for number in range(1, 6):
        store.append(said(f"question {number}", turn=number, at=-number))  # a clock set back
    store.append(answered("never asked", turn=0))
    await store.flush()
    turns = await store.recent_turns("c1", 2)
    assert [turn.user_text for turn in turns] == ["question 4", "question 5"]
    assert await store.recent_turns("c1", 0) == await store.recent_turns("c1", -3) == []


def test_no_transaction_is_left_open_after_reading(spoken: Path) -> None:
    with reading(spoken) as db:
        assert len(recent_turns(db, "c1", 9)) == 1
        assert not db.conn.in_transaction
        conversation(db, "c1")
        assert not db.conn.in_transaction


async def test_an_export_is_complete_and_readable(store: Store) -> None:
    store.append(event(EventKind.SESSION_STARTED, client_id="me", route="local"))
    store.append(said("what is *this*?", at=86_400))
    store.append(answered("A <b>test</b>\n# of\tmarkup\x1b[2J", at=86_401))
    store.append(event(EventKind.ROUTE_CHANGED, 86_402, 1, left_the_box=True))
    store.append(said("far", turn=2, at=1e300))
    await store.flush()
    document = json.loads(await exported(store, "c1"))
    assert [stored["kind"] for stored in document["events"]] == [
        "session_started",
        "user_transcript",
        "answer",
        "route_changed",
        "user_transcript",
    ]
    assert document["summary"]["id"] == "c1"
    assert document["sessions"][0]["client_id"] == "me"
    text = await exported(store, "c1", "markdown")
    assert text.startswith("# what is \\*this\\*?\n")
    assert "## 1970-01-02 00:00:00 · left the box\n" in text
    assert "**You:** what is \\*this\\*?\n" in text
    assert "**Assistant:** A \\<b\\>test\\</b\\> \\# of markup \\[2J\n" in text


async def test_the_texts_of_a_client_between_two_times(store: Store) -> None:
    for number, (client, text) in enumerate([("k1", "one"), ("k2", "two"), ("k1", "three")]):
        conversation = f"asked-{number}"
        started = {"client_id": client}
        store.append(
            Event(EventKind.SESSION_STARTED, conversation, conversation, 10.0 + number, 0, started)
        )
        words = {"text": text}
        store.append(
            Event(EventKind.USER_TRANSCRIPT, conversation, conversation, 10.0 + number, 1, words)
        )
    await store.flush()
    assert await store.user_texts("k1", 0, 100) == ["one", "three"]
    assert await store.user_texts("k1", 10.5, 100) == ["three"]
    assert await store.user_texts("k1", 0, 12.0) == ["one"]
    assert await store.user_texts("k3", 0, 100) == []


async def test_the_last_trace_of_each_turn_is_returned_and_prolongs_no_turn(path: Path) -> None:
    store = Store.open(path)
    for turn in (1, 2):
        store.append(said(f"question {turn}", turn=turn))
        store.append(answered("yes", turn=turn, at=2.0))
        for part in (1, 2):
            store.append(event(EventKind.TURN_TRACE, 50.0, turn, pieces=part))
    store.append(event(EventKind.TURN_TRACE, 50.0, 1, "c2"))
    await store.close()
    with reading(path) as db:
        found = turn_traces(db, 5, "c1")
        assert [(one.turn, one.user_text, one.trace) for one in found] == [
            (1, "question 1", {"pieces": 2}),
            (2, "question 2", {"pieces": 2}),
        ]
        assert [one.conversation_id for one in turn_traces(db, 2)] == ["c1", "c2"]
        assert [turn.ended_at for turn in recent_turns(db, "c1", 2)] == [2.0, 2.0]
        assert len(conversation(db, "c2").turns) == 0
        with pytest.raises(NotFound):
            turn_traces(db, 1, "c3")


async def test_reading_costs_by_what_is_read(store: Store, path: Path) -> None:
    """The last turns of a conversation are found by an index, and not sorted out of all."""
    with reading(path) as db:
        statement = f"EXPLAIN QUERY PLAN {queries.LATEST_TURNS} LIMIT 3"
        plan = [row["detail"] for row in db.query(statement, ("c1",))]
    assert any("turns_by_conversation" in step for step in plan)
    assert not any("TEMP" in step for step in plan)


async def test_an_export_is_made_while_it_is_read(store: Store, path: Path) -> None:
    for number in range(3 * export.PAGE):
        store.append(said("good morning", turn=number + 1))
    await store.flush()
    with reading(path) as db:
        pieces = export.pieces(db, "c1", "json")
        begun = "".join(next(pieces) for _ in range(6))
        assert begun.count('"number"') == export.PAGE
        # A reader that takes its time holds up neither a deletion nor the log.
        await store.delete("c1")
        assert await asyncio.to_thread(store.scrubber.wait, 60)
        assert "good morning" not in "".join(pieces)


async def test_a_stream_ends_with_the_store(store: Store) -> None:
    store.append(said("good morning"))
    await store.flush()
    pieces = store.export("c1")
    assert (await anext(pieces)).startswith('{"summary"')
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await anext(pieces)
