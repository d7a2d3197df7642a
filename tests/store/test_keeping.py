"""Conversations as a whole: named, hidden and shown, read in pages, and not kept at all."""

import asyncio
from pathlib import Path

import pytest

from appliance.conversation import Event, EventKind, Task, TaskState
from appliance.errors import BadRequest, NotFound
from appliance.store.recordings import RecordingLimits
from appliance.store.store import Store
from appliance.store.tasks import MOST_HELD
from appliance.store.unkept import (
    MOST_CONVERSATIONS,
    MOST_TURNS,
    MOST_WITH_TURNS,
    UnkeptConversations,
)

from .events import answered, event, said

SECRET = "marzipan"


def begun(conversation: str = "c1", client: str = "alice") -> Event:
    return event(EventKind.SESSION_STARTED, conversation=conversation, client_id=client)


async def test_a_title_stays_as_it_was_given(store: Store) -> None:
    store.append(begun())
    await store.keeping.rename("c1", "The cake")
    store.append(said("how long does a cake take"))
    await store.flush()
    assert (await store.keeping.summary("c1")).title == "The cake"
    with pytest.raises(NotFound):
        await store.keeping.rename("nobody", "x")


async def test_a_hidden_conversation_is_nowhere_until_it_is_shown_again(store: Store) -> None:
    store.append(begun())
    store.append(said(f"about {SECRET}"))
    await store.flush()
    await store.keeping.hide("c1", 100.0)
    assert await store.conversations() == []
    assert await store.search(SECRET) == []
    for read in (store.conversation, store.keeping.summary):
        with pytest.raises(NotFound):
            await read("c1")
    with pytest.raises(NotFound):
        await store.keeping.turns("c1", 10)
    with pytest.raises(NotFound):
        await store.keeping.hide("c1", 200.0)
    assert await store.keeping.owner("c1") == "alice"
    assert await store.keeping.hidden() == ["c1"]
    await store.keeping.restore("c1")
    assert [found.id for found in await store.conversations()] == ["c1"]
    with pytest.raises(NotFound):
        await store.keeping.restore("c1")


async def test_turns_are_read_in_pages(store: Store) -> None:
    for number in range(1, 6):
        store.append(said(f"question {number}", turn=number))
        store.append(answered(f"answer {number}", turn=number))
    await store.flush()
    last = await store.keeping.turns("c1", 2)
    assert [turn.user_text for turn in last.turns] == ["question 4", "question 5"]
    assert last.summary.turns == 5
    middle = await store.keeping.turns("c1", 2, last.before)
    assert [turn.answer for turn in middle.turns] == ["answer 2", "answer 3"]
    first = await store.keeping.turns("c1", 2, middle.before)
    assert ([turn.number for turn in first.turns], first.before) == ([1], None)


def words_on_disk(path: Path) -> list[str]:
    """The files of the database that contain the word."""
    files = path.parent.glob(f"{path.name}*")
    return [file.name for file in files if SECRET.encode() in file.read_bytes()]


async def test_of_an_unkept_conversation_nothing_reaches_the_disk(store: Store, path: Path) -> None:
    await store.keeping.stop("c1", "alice")
    store.append(begun())
    store.append(said(f"a {SECRET} cake"))
    store.append(answered(f"{SECRET} it is"))
    task = Task("t", "claude", SECRET, TaskState.ACCEPTED, 1.0, 1.0, "c1", "s1", "alice")
    await store.tasks.add(task)
    store.tasks.save(task, {"progress": SECRET})
    await store.flush()
    with pytest.raises(BadRequest):
        await store.recordings.begin("c1", "s1", 1.0, RecordingLimits(1, 10**9))
    assert not (path.parent / "recordings").exists()
    assert words_on_disk(path) == []
    assert await store.conversations() == []
    # It can be resumed while the process lives.
    [turn] = await store.recent_turns("c1", 10)
    assert (turn.user_text, turn.answer) == (f"a {SECRET} cake", f"{SECRET} it is")
    assert await store.keeping.owner("c1") == "alice"
    assert [one.id for one in await store.tasks.listed(client_id="alice")] == ["t"]
    assert (await store.tasks.get("t")).request == SECRET
    await store.delete("c1")
    assert await store.recent_turns("c1", 10) == []
    assert await store.tasks.listed() == []


async def test_the_tasks_of_unkept_conversations_are_bounded(store: Store) -> None:
    await store.keeping.stop("c1", "alice")
    for number in range(MOST_HELD + 1):
        at = float(number)
        task = Task(f"t{number}", "claude", "x", TaskState.RUNNING, at, at, "c1", "s1", "alice")
        await store.tasks.add(task)
    held = {task.id for task in await store.tasks.listed(limit=2 * MOST_HELD)}
    assert held == {f"t{number}" for number in range(1, MOST_HELD + 1)}


async def test_a_conversation_that_is_kept_no_longer_leaves_the_disk(
    store: Store, path: Path
) -> None:
    store.append(begun())
    store.append(said(f"a {SECRET} cake"))
    task = Task("t", "claude", SECRET, TaskState.RUNNING, 1.0, 1.0, "c1", "s1", "alice")
    await store.tasks.add(task)
    await store.flush()
    assert words_on_disk(path)
    await store.keeping.stop("c1", "alice")
    assert await asyncio.to_thread(store.scrubber.wait, 60)
    assert words_on_disk(path) == []
    assert [turn.user_text for turn in await store.recent_turns("c1", 5)] == [f"a {SECRET} cake"]
    assert (await store.tasks.get("t")).state is TaskState.RUNNING
    store.keeping.resume("c1")
    store.append(begun())
    store.append(said("from now on", turn=2))
    await store.flush()
    assert [turn.user_text for turn in await store.recent_turns("c1", 5)] == ["from now on"]


async def test_conversations_are_kept_unless_their_client_prefers_otherwise(store: Store) -> None:
    keeps = store.preferences.keeps_conversations
    assert await keeps("alice")
    for keep in (False, True, False):
        await store.preferences.set_keeps_conversations("alice", keep)
        assert (await keeps("alice"), await keeps("bob")) == (keep, True)


def test_a_conversation_stays_unkept_however_many_others_there_are() -> None:
    unkept = UnkeptConversations()
    for number in range(MOST_CONVERSATIONS):
        unkept.add(f"c{number}", f"client{number % 10}")
    assert all(f"c{number}" in unkept for number in range(MOST_CONVERSATIONS))
    assert unkept.owner("c3") == "client3"
    # The one used longest ago is the first to go, and c0 is used.
    unkept.note(said("a", conversation="c0"))
    unkept.add("one more", "alice")
    assert ("c0" in unkept, "c1" in unkept, "c2" in unkept) == (True, False, True)


def test_the_turns_of_unkept_conversations_are_bounded() -> None:
    unkept = UnkeptConversations()
    for number in range(MOST_WITH_TURNS):
        unkept.add(f"c{number}", "alice")
        unkept.note(said(f"words {number}", conversation=f"c{number}"))
    unkept.note(said("again", turn=2, conversation="c0"))
    unkept.add("one more", "alice")
    unkept.note(said("words", conversation="one more"))
    assert unkept.recent_turns("c1", 1) == []
    assert [len(unkept.recent_turns(id, 5)) for id in ("c0", "c2", "one more")] == [2, 1, 1]
    # The conversation whose turns went is not kept either, and goes on.
    assert "c1" in unkept
    unkept.note(said("more words", conversation="c1"))
    assert [turn.user_text for turn in unkept.recent_turns("c1", 5)] == ["more words"]


def test_the_turns_of_an_unkept_conversation_are_its_last() -> None:
    unkept = UnkeptConversations()
    unkept.add("c1", "alice")
    for turn in range(1, MOST_TURNS + 5):
        unkept.note(said("a", turn=turn, conversation="c1"))
        unkept.note(said("b", turn=turn, conversation="c1"))
        unkept.note(said("x", turn=turn, conversation="another"))
    turns = unkept.recent_turns("c1", 100)
    assert (len(turns), turns[-1].number, turns[-1].user_text) == (MOST_TURNS, 24, "a b")
    assert unkept.recent_turns("c1", 0) == []
    assert unkept.discard("c1")
    assert (unkept.recent_turns("c1", 5), unkept.discard("c1")) == ([], False)
