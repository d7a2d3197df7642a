"""Keeps the tasks of agents: a row for each, and its history among the conversation's events."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.conversation import Event, EventKind, Task, TaskState
from appliance.errors import NotFound
from appliance.store.connection import Perform, Post
from appliance.store.event_rows import encode, record
from appliance.store.queries import reading
from appliance.store.unkept import UnkeptConversations

if TYPE_CHECKING:
    from sqlite_utils import Database

COLUMNS = tuple(field.name for field in fields(Task))

INSERT = f"""
INSERT INTO tasks ({", ".join(COLUMNS)})
VALUES ({", ".join(f":{name}" for name in COLUMNS)})"""

UPDATE = f"""
UPDATE tasks SET {", ".join(f"{name} = :{name}" for name in COLUMNS if name != "conversation_id")},
    clock_shift = 0
WHERE id = :id"""

SELECT = f"SELECT {', '.join(COLUMNS)} FROM tasks"

ENDED = ", ".join(f"'{state}'" for state in TaskState if state.ended)


MOST_HELD = 100  # tasks of conversations that are not kept, each with its result, in memory


class StoredTasks:
    """The table of tasks. Methods that wait for the database raise StoreError.

    The tasks of `unkept` conversations are held in memory only, and end with the process.
    """

    def __init__(
        self,
        path: Path,
        write: Perform,
        read: Perform,
        post: Post,
        unkept: UnkeptConversations,
    ) -> None:
        self._unkept = unkept
        self._held: dict[str, Task] = {}
        self._path = path
        self._write = write
        self._read = read
        self._post = post

    async def add(self, task: Task) -> None:
        """Adds a task, and returns once it is committed."""
        if task.conversation_id in self._unkept:
            self.hold([task])
            return
        await self._write(partial(_add, task=task))

    def save(self, task: Task, changes: Mapping[str, Any]) -> None:
        """Updates a task, and adds an event with its `changes`; returns at once.

        A task that was deleted with its conversation stays deleted.
        """
        if task.id in self._held:
            self._held[task.id] = task
        elif task.conversation_id not in self._unkept:
            self._post(partial(_save, task=task, changes=dict(changes)))

    def hold(self, tasks: Iterable[Task]) -> None:
        """Holds tasks in memory, and no more than a few of them: the oldest are dropped."""
        self._held |= {task.id: task for task in tasks}
        for task_id in list(self._held)[:-MOST_HELD]:
            del self._held[task_id]

    def drop_unkept(self, conversation_id: str) -> None:
        """Drops the tasks of a conversation that are in memory only."""
        for task in list(self._held.values()):
            if task.conversation_id == conversation_id:
                del self._held[task.id]

    async def of_conversation(self, conversation_id: str) -> list[Task]:
        """Returns the tasks that were asked for in a conversation, as far as they are stored."""

        def query(db: "Database") -> list[Task]:
            rows = db.query(f"{SELECT} WHERE conversation_id = ?", (conversation_id,))
            return [_from_row(row) for row in rows]

        return await self._read(query)

    def unsettled(self) -> list[Task]:
        """Returns the tasks that have not ended or not been announced, oldest first. Blocks."""
        where = f"WHERE NOT announced OR state NOT IN ({ENDED}) ORDER BY created_at, id"
        with reading(self._path) as db:
            return [_from_row(row) for row in db.query(f"{SELECT} {where}")]

    async def latest_session(self, agent: str, conversation_id: str) -> str:
        """Returns the agent's own session id of its newest task in a conversation, or ""."""

        def query(db: "Database") -> str:
            rows = db.query(
                "SELECT agent_session FROM tasks WHERE agent = ? AND conversation_id = ?"
                " AND agent_session != '' ORDER BY created_at DESC LIMIT 1",
                (agent, conversation_id),
            )
            return next((str(row["agent_session"]) for row in rows), "")

        held = [
            task.agent_session
            for task in self._held.values()
            if (task.agent, task.conversation_id) == (agent, conversation_id)
        ]
        return next(filter(None, reversed(held)), "") or await self._read(query)

    async def listed(
        self, limit: int = 50, client_id: str | None = None, states: tuple[TaskState, ...] = ()
    ) -> list[Task]:
        """Returns tasks, the newest first; where given, only of that client and in those states."""
        conditions, values = ["TRUE"], list[Any]()
        if client_id is not None:
            conditions.append("client_id = ?")
            values.append(client_id)
        if states:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += map(str, states)
        where = f"WHERE {' AND '.join(conditions)} ORDER BY created_at DESC, id LIMIT ?"

        def query(db: "Database") -> list[Task]:
            return [_from_row(row) for row in db.query(f"{SELECT} {where}", (*values, limit))]

        held = [
            task
            for task in self._held.values()
            if client_id in (None, task.client_id) and (not states or task.state in states)
        ]
        found = [*held, *await self._read(query)]
        return sorted(found, key=lambda task: (-task.created_at, task.id))[:limit]

    async def get(self, task_id: str) -> Task:
        """Returns one task. Raises NotFound."""
        if held := self._held.get(task_id):
            return held

        def query(db: "Database") -> Task | None:
            rows = db.query(f"{SELECT} WHERE id = ?", (task_id,))
            return next(map(_from_row, rows), None)

        task = await self._read(query)
        if task is None:
            raise unknown_task()
        return task


def _add(db: "Database", task: Task) -> None:
    values = asdict(task)
    if not task.conversation_id:  # a task may belong to no conversation
        values["conversation_id"] = None
    else:
        _record_event(db, task, {"state": task.state, "request": task.request})
    db.execute(INSERT, values)


def _save(db: "Database", task: Task, changes: Mapping[str, Any]) -> None:
    if db.execute(UPDATE, asdict(task)).rowcount and task.conversation_id:
        _record_event(db, task, changes)


def _record_event(db: "Database", task: Task, changes: Mapping[str, Any]) -> None:
    """Adds an event about the task to its conversation."""
    data = {"task": task.id, "agent": task.agent, **json.loads(json.dumps(changes))}
    event = Event(
        EventKind.TASK, task.conversation_id, task.session_id, time.time(), turn=0, data=data
    )
    record(db, encode(event))


def unknown_task() -> NotFound:
    return NotFound(
        "there is no such task", advice="It may have been deleted with its conversation."
    )


def _from_row(row: Mapping[str, Any]) -> Task:
    return Task(
        **{
            **row,
            "state": TaskState(row["state"]),
            "conversation_id": row["conversation_id"] or "",
            "announced": bool(row["announced"]),
        }
    )
