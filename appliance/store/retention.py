"""Finds what is older than it is to be kept, or more than there is room for, and deletes it.

Each deletion is a short transaction of the writer; `scrub` then removes the words from all files.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.store import deletion
from appliance.store.connection import Perform
from appliance.store.recordings import KeptFile, kept_files, shift_times
from appliance.store.retention_rules import DAY, Limits, RetentionKind, RuleState, RuleStates
from appliance.store.tasks import ENDED

if TYPE_CHECKING:
    from sqlite_utils import Database

MB = 10**6
ENTRIES_AT_ONCE = 500  # of the audit trail, that one transaction deletes

# By the clock of now; a conversation with a task that has not ended is in use.
CONVERSATIONS = f"""
SELECT id, updated_at, (SELECT count(*) FROM events WHERE conversation_id = c.id) AS events
FROM conversations AS c
WHERE deleted_at IS NULL AND updated_at + clock_shift < :before AND NOT EXISTS
    (SELECT 1 FROM tasks WHERE conversation_id = c.id AND state NOT IN ({ENDED}))
ORDER BY updated_at + clock_shift, id"""

TASKS = f"""
SELECT id FROM tasks WHERE state IN ({ENDED}) AND updated_at + clock_shift < :before ORDER BY id"""

# The trail loses a beginning, never an entry between two others.
AUDIT = """
SELECT coalesce((SELECT min(id) - 1 FROM audit WHERE at + clock_shift >= :before),
                (SELECT max(id) FROM audit), 0)"""

# Rows that were written by the new clock already, before the leap was noticed, are left out.
SHIFT = """
UPDATE {table} SET clock_shift = clock_shift + :by WHERE {time} NOT BETWEEN :begin AND :end"""

DATED = {"conversations": "updated_at", "tasks": "updated_at", "audit": "at"}


@dataclass(frozen=True, slots=True)
class Expired:
    """What the rules would delete now, oldest first.

    Conversations are pairs of an id and the time of their last use. `audit` is how many entries of
    the audit trail, and `audit_through` the id of the last of them.
    """

    conversations: tuple[tuple[str, float], ...] = ()
    over_size: tuple[tuple[str, float], ...] = ()
    recordings: tuple[KeptFile, ...] = ()
    tasks: tuple[str, ...] = ()
    audit: int = 0
    audit_through: int = 0

    def counts(self) -> dict[RetentionKind, int]:
        """How many there are of each kind."""
        return {
            RetentionKind.CONVERSATIONS: len(self.conversations),
            RetentionKind.SIZE: len(self.over_size),
            RetentionKind.RECORDINGS: len(self.recordings),
            RetentionKind.TASKS: len(self.tasks),
            RetentionKind.AUDIT: self.audit,
        }


def expired(
    db: "Database", recordings: Path, limits: Limits, now: float, in_use: Collection[str] = ()
) -> Expired:
    """Finds what is to go at `now`, but for the conversations `in_use` and their recordings."""
    if not limits:
        return Expired()
    files = [file for file in kept_files(recordings) if file.conversation_id not in in_use]
    entries, through = 0, 0
    if RetentionKind.AUDIT in limits:
        ((through,),) = db.execute(AUDIT, _before(limits, RetentionKind.AUDIT, now)).fetchall()
        ((entries,),) = db.execute("SELECT count(*) FROM audit WHERE id <= ?", (through,))
    tasks: tuple[str, ...] = ()
    if RetentionKind.TASKS in limits:
        rows = db.execute(TASKS, _before(limits, RetentionKind.TASKS, now)).fetchall()
        tasks = tuple(task_id for (task_id,) in rows)
    return Expired(
        _old_conversations(db, limits, now, in_use),
        _over_size(db, limits, files, in_use),
        tuple(_old_files(files, limits, now)),
        tasks,
        entries,
        through,
    )


def _before(limits: Limits, kind: RetentionKind, now: float) -> dict[str, float]:
    return {"before": now - limits[kind] * DAY}


def _old_conversations(
    db: "Database", limits: Limits, now: float, in_use: Collection[str]
) -> tuple[tuple[str, float], ...]:
    if RetentionKind.CONVERSATIONS not in limits:
        return ()
    rows = db.execute(CONVERSATIONS, _before(limits, RetentionKind.CONVERSATIONS, now)).fetchall()
    return tuple((found, used) for found, used, _ in rows if found not in in_use)


def _old_files(files: Iterable[KeptFile], limits: Limits, now: float) -> Iterable[KeptFile]:
    if RetentionKind.RECORDINGS not in limits:
        return []
    before = _before(limits, RetentionKind.RECORDINGS, now)["before"]
    return sorted((file for file in files if file.at < before), key=lambda file: file.at)


def _over_size(
    db: "Database", limits: Limits, files: Iterable[KeptFile], in_use: Collection[str]
) -> tuple[tuple[str, float], ...]:
    """The oldest conversations without which the database and the recordings fit the limit.

    The size of a conversation is its share of all events, and its recordings.
    """
    if RetentionKind.SIZE not in limits:
        return ()
    sizes: dict[str, int] = {}
    for file in files:
        sizes[file.conversation_id] = sizes.get(file.conversation_id, 0) + file.bytes
    used = _used_bytes(db)
    excess = used + sum(sizes.values()) - limits[RetentionKind.SIZE] * MB
    ((events,),) = db.execute("SELECT count(*) FROM events").fetchall()
    chosen = []
    for found, at, its_events in db.execute(CONVERSATIONS, {"before": float("inf")}):
        if excess <= 0:
            break
        if found not in in_use:
            chosen.append((found, at))
            excess -= used * its_events / max(events, 1) + sizes.get(found, 0)
    return tuple(chosen)


def _used_bytes(db: "Database") -> int:
    """The size of the database without the pages that are free."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)


def begin_unchanged(db: "Database", conversation_id: str, updated_at: float) -> bool:
    """Begins to delete a conversation, unless it is gone, or was used after `updated_at`."""
    statement = "SELECT 1 FROM conversations WHERE id = ? AND updated_at = ? AND deleted_at IS NULL"
    unchanged = db.execute(statement, (conversation_id, updated_at)).fetchone() is not None
    return unchanged and deletion.begin(db, conversation_id)


def delete_task(db: "Database", task_id: str) -> None:
    """Deletes a task, and its history from the conversation in which it was asked for."""
    row = db.execute("SELECT conversation_id FROM tasks WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        return
    values = (task_id, time.time())
    db.execute("INSERT OR REPLACE INTO forgotten_tasks (task_id, at) VALUES (?, ?)", values)
    deletion.delete_task_rows(db, task_id)


def delete_entries(db: "Database", through: int) -> bool:
    """Deletes some entries of the audit trail up to an id; True while there are more."""
    _set_state(db, {"audit_through": through})
    statement = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ? LIMIT ?)"
    return db.execute(statement, (through, ENTRIES_AT_ONCE)).rowcount == ENTRIES_AT_ONCE


def shift(db: "Database", by: float, begin: float, end: float) -> None:
    """Notes a leap of the clock on every row whose time is not between `begin` and `end`."""
    for table, time_column in DATED.items():
        statement = SHIFT.format(table=table, time=time_column)
        db.execute(statement, {"by": by, "begin": begin, "end": end})


def _states(db: "Database") -> tuple[dict[RetentionKind, RuleState], dict[str, float]]:
    rules = db.execute("SELECT kind, value, grace FROM retention_rules").fetchall()
    state = dict(db.execute("SELECT name, value FROM retention_state").fetchall())
    if "seen" not in state:
        latest = db.execute("SELECT at FROM events ORDER BY id DESC LIMIT 1").fetchone()
        state |= {"seen": latest[0]} if latest else {}
    return {RetentionKind(kind): RuleState(*rest) for kind, *rest in rules}, state


def _save(db: "Database", rules: RuleStates, state: Mapping[str, float]) -> None:
    db.execute("DELETE FROM retention_rules")
    for kind, rule in rules.items():
        db.execute("INSERT INTO retention_rules VALUES (?, ?, ?)", (kind, rule.value, rule.grace))
    _set_state(db, state)


def _set_state(db: "Database", state: Mapping[str, float]) -> None:
    for row in state.items():
        db.execute("INSERT OR REPLACE INTO retention_state VALUES (?, ?)", row)


class StoredRetention:
    """What retention finds, deletes and remembers, off the event loop. Methods raise StoreError."""

    def __init__(self, write: Perform, read: Perform, recordings: Path) -> None:
        self._write = write
        self._read = read
        self._recordings = recordings

    async def expired(self, limits: Limits, now: float, in_use: Collection[str]) -> Expired:
        """See `expired`."""
        return await self._read(lambda db: expired(db, self._recordings, limits, now, in_use))

    async def used_bytes(self) -> int:
        """Returns the size of the database without the pages that are free."""
        return await self._read(_used_bytes)

    async def states(self) -> tuple[dict[RetentionKind, RuleState], dict[str, float]]:
        """Returns the rules as they were last seen, and other values by their names."""
        return await self._read(_states)

    async def save(self, rules: RuleStates, state: Mapping[str, float]) -> None:
        """Replaces the rules, and the values that are given."""
        await self._write(partial(_save, rules=rules, state=state))

    async def delete_conversation(self, conversation_id: str, updated_at: float) -> bool:
        """Deletes a conversation in steps, unless it was used after `updated_at`: then False."""
        begun = partial(begin_unchanged, conversation_id=conversation_id, updated_at=updated_at)
        if not await self._write(begun):
            return False
        await deletion.delete_rest(self._write, conversation_id)
        return True

    async def delete_task(self, task_id: str) -> None:
        """See `delete_task`."""
        await self._write(partial(delete_task, task_id=task_id))

    async def delete_entries(self, through: int) -> None:
        """Deletes the audit trail up to an id."""
        while await self._write(partial(delete_entries, through=through)):
            pass

    async def shift(self, by: float, begin: float, end: float) -> None:
        """See `shift`; recordings are shifted, too."""
        await self._write(partial(shift, by=by, begin=begin, end=end))
        await asyncio.to_thread(shift_times, self._recordings, by, begin, end)
