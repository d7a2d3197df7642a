"""The database: one writer, read-only readers, nothing lost that was committed.

    append, flush ─► Writer (one thread, one queue) ─► voice_conversations.db (WAL, FULL)
    conversations, search … ─► a read-only connection each, off the event loop

The command line reads with `appliance.store.reading` and deletes with
`appliance.store.deletion`, whether or not the daemon runs.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from appliance.conversation import Event
from appliance.errors import StoreError
from appliance.store import deletion, queries
from appliance.store import export as exporting
from appliance.store.clients import Clients
from appliance.store.database import Opened, open_for_writing
from appliance.store.records import Conversation, ConversationSummary, Found, StoreStats, TurnRecord
from appliance.store.tasks import StoredTasks
from appliance.store.timers import MakeTimer, StoredTimers, TimerLike
from appliance.store.writer import OnError, Writer

if TYPE_CHECKING:
    from sqlite_utils import Database

CLOSE_PATIENCE = 5.0  # seconds that a failing disk gets when the appliance stops
READERS = 2  # threads: one long export must not hold up the list

T = TypeVar("T")
AnyTimer = TypeVar("AnyTimer", bound=TimerLike)


class Store:
    """The daemon's door to the database. Open once, close once; closing twice is closing once.

    Methods that wait raise StoreError. `quarantined` is where a damaged database was moved, if
    there was one when this store was opened.
    """

    def __init__(self, path: Path, opened: Opened, on_error: OnError | None) -> None:
        self._path = path
        self._opened = opened
        self._writer = Writer(opened.db, on_error)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False
        self.clients = Clients(self._write, self._read, self._writer.post)
        self.tasks = StoredTasks(path, self._write, self._read, self._writer.post)
        self.quarantined = opened.quarantined

    @classmethod
    def open(cls, path: Path, *, on_error: OnError | None = None) -> "Store":
        """Opens or creates the database at `path`; blocks, after a crash for its whole check.

        `on_error` hears, mostly on the writer's thread, of every outage and of every loss.
        """
        return cls(path, open_for_writing(path), on_error)

    @property
    def alive(self) -> bool:
        """False when the writer can write no more and only a restart helps."""
        return self._writer.alive

    def stats(self) -> StoreStats:
        return self._writer.stats()

    def append(self, event: Event) -> None:
        """Takes an event; from any thread, never blocking. What is lost shows in `stats`."""
        self._writer.append(event)

    async def flush(self) -> None:
        """Returns when every event appended before is committed; StoreError if any was lost."""
        lost = await asyncio.wrap_future(self._writer.flush())
        if lost:
            raise StoreError(f"{lost} entries could not be written")

    async def close(self) -> None:
        """Commits what is queued and lets the file go."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._writer.close, CLOSE_PATIENCE)
        await asyncio.to_thread(self._readers.shutdown)
        self._opened.release(clean=self._writer.finished)

    async def conversations(
        self, limit: int = 50, before: str | None = None, client_id: str | None = None
    ) -> list[ConversationSummary]:
        """See `reading.conversations`."""
        return await self._read(
            partial(queries.conversations, limit=limit, before=before, client_id=client_id)
        )

    async def conversation(self, conversation_id: str) -> Conversation:
        """Everything kept of it. Raises NotFound."""
        return await self._read(partial(queries.conversation, conversation_id=conversation_id))

    async def conversation_ids(self, prefix: str) -> list[str]:
        """See `reading.conversation_ids`."""
        return await self._read(partial(queries.conversation_ids, prefix=prefix))

    async def search(self, text: str, limit: int = 50, client_id: str | None = None) -> list[Found]:
        """See `reading.search`."""
        return await self._read(
            partial(queries.search, text=text, limit=limit, client_id=client_id)
        )

    async def export(self, conversation_id: str, fmt: exporting.Format = "json") -> str:
        """The conversation as a document. Raises NotFound."""
        return await self._read(
            lambda db: exporting.export(queries.conversation(db, conversation_id), fmt)
        )

    async def recent_turns(self, conversation_id: str, n: int) -> list[TurnRecord]:
        """The last `n` turns, oldest first, for a session that resumes the conversation."""
        return await self._read(partial(queries.recent_turns, conversation_id=conversation_id, n=n))

    async def asked(self, client_id: str, begin: float, end: float) -> list[str]:
        """What a client said between two moments, oldest first."""
        return await self._read(partial(queries.asked, client_id=client_id, begin=begin, end=end))

    async def delete(self, conversation_id: str) -> None:
        """Forgets it, in the file too. Raises NotFound.

        A session that still runs in it starts it again with its next event: end it first.
        """
        if not await self._write(partial(deletion.forget, conversation_id=conversation_id)):
            raise queries.no_conversation(conversation_id)
        await self._off_loop(partial(deletion.scrub, self._path))

    def timers(self, make: MakeTimer[AnyTimer]) -> StoredTimers[AnyTimer]:
        """Where timers are kept; `make` is the class of the timers that come back."""
        return StoredTimers(self._path, self._writer.post, make)

    async def _write(self, apply: "Callable[[Database], T]") -> T:
        result: T = await asyncio.wrap_future(self._writer.submit(apply))
        return result

    async def _read(self, apply: "Callable[[Database], T]") -> T:
        def job() -> T:
            with queries.reading(self._path) as db:
                return apply(db)

        return await self._off_loop(job)

    async def _off_loop(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)
