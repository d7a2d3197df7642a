"""Tasks are kept from the moment they are accepted, and deleted with their conversation."""

import time
from pathlib import Path

import pytest

from appliance.conversation import Event, EventKind, Task, TaskState
from appliance.errors import NotFound
from appliance.store.store import Store


def task(task_id: str, state: TaskState = TaskState.RUNNING, **more: object) -> Task:
    usual = {"conversation_id": "c1", "session_id": "s1", "client_id": "k1", "updated_at": 5.0}
    kept: dict[str, object] = {"created_at": float(ord(task_id[1])), **usual, **more}
    return Task(id=task_id, agent="claude", request="do it", state=state, **kept)  # type: ignore[arg-type]


def began(conversation_id: str = "c1") -> Event:
    return Event(EventKind.SESSION_STARTED, conversation_id, "s1", time.time())


async def test_a_task_outlives_the_process(path: Path) -> None:
    store = Store.open(path)
    store.append(began())
    await store.tasks.add(task("t1", TaskState.ACCEPTED))
    running = task("t1", progress="half", agent_session="x", cost=0.5)
    store.tasks.save(running, {"state": running.state, "progress": "half"})
    await store.close()
    store = Store.open(path)
    assert store.tasks.unsettled() == [running]
    assert await store.tasks.get("t1") == running
    assert await store.tasks.latest_session("claude", "c1") == "x"
    assert await store.tasks.latest_session("team", "c1") == ""
    await store.close()


async def test_changes_of_a_task_are_events_of_its_conversation(store: Store) -> None:
    store.append(began())
    await store.tasks.add(task("t1", TaskState.ACCEPTED))
    store.tasks.save(task("t1"), {"progress": "half"})
    await store.flush()
    kept = await store.conversation("c1")
    changes = [event.data for event in kept.events if event.kind == EventKind.TASK]
    assert changes == [
        {"task": "t1", "agent": "claude", "state": "accepted", "request": "do it"},
        {"task": "t1", "agent": "claude", "progress": "half"},
    ]


async def test_unsettled_tasks_are_those_not_ended_or_not_announced(store: Store) -> None:
    store.append(began())
    for state in TaskState:
        for announced in (False, True):
            await store.tasks.add(
                task(f"t{state}{announced}", state, created_at=1.0, announced=announced)
            )
    open_ones = {(kept.state, kept.announced) for kept in store.tasks.unsettled()}
    assert open_ones == {
        *((state, False) for state in TaskState),
        (TaskState.ACCEPTED, True),
        (TaskState.RUNNING, True),
    }


async def test_tasks_are_listed_newest_first_and_by_client(store: Store) -> None:
    store.append(began())
    for number in range(4):
        client = "k1" if number % 2 else "k2"
        state = TaskState.DONE if number > 1 else TaskState.RUNNING
        await store.tasks.add(task(f"t{number}", state, client_id=client))
    assert [kept.id for kept in await store.tasks.listed()] == ["t3", "t2", "t1", "t0"]
    assert [kept.id for kept in await store.tasks.listed(client_id="k1")] == ["t3", "t1"]
    assert [kept.id for kept in await store.tasks.listed(1, "k2", (TaskState.RUNNING,))] == ["t0"]


async def test_a_task_deleted_with_its_conversation_stays_deleted(store: Store) -> None:
    store.append(began())
    await store.tasks.add(task("t1"))
    await store.delete("c1")
    store.tasks.save(task("t1", TaskState.DONE, result="secret"), {"result": "secret"})
    await store.flush()
    assert await store.tasks.listed() == []
    with pytest.raises(NotFound):
        await store.tasks.get("t1")
    with pytest.raises(NotFound):
        await store.conversation("c1")


async def test_a_task_without_a_conversation_is_kept_too(store: Store) -> None:
    alone = task("t1", conversation_id="")
    await store.tasks.add(alone)
    store.tasks.save(alone, {"progress": "half"})
    await store.flush()
    assert await store.tasks.get("t1") == alone
