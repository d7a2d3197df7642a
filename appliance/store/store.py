"""Gives the daemon its database: one writer, read-only readers, no committed event lost.

    append, flush ─► Writer (one thread, one queue) ─► voice_conversations.db (WAL, FULL)
    conversations, search … ─► one read-only connection per call, off the event loop

The command line reads with `appliance.store.queries` and deletes with `appliance.store.erasure`,
whether or not the daemon runs.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from appliance.conversation import Event
from appliance.errors import StoreError
from appliance.store import deletion, export, queries
from appliance.store.analytics import Figures
from appliance.store.clients import Clients
from appliance.store.database import OpenDatabase, open_for_writing, place_aside
from appliance.store.keeping import ConversationKeeping
from appliance.store.long_reads import LongReads
from appliance.store.pairings import PairingsFile, restore
from appliance.store.preferences import Preferences
from appliance.store.recordings import Recordings
from appliance.store.records import (
    Conversation,
    ConversationSummary,
    SearchHit,
    StoreStats,
    TurnRecord,
)
from appliance.store.retention import StoredRetention
from appliance.store.scrubber import Scrubber
from appliance.store.tasks import StoredTasks
from appliance.store.timers import StoredTimers, TimerFactory, TimerLike
from appliance.store.unkept import UnkeptConversations
from appliance.store.writer import OnError, Writer

if TYPE_CHECKING:
    from sqlite_utils import Database

CLOSE_GRACE = 5.0  # seconds that a failing disk gets when the appliance stops
READERS = 2  # threads, for what a session or a page waits for

T = TypeVar("T")
AnyTimer = TypeVar("AnyTimer", bound=TimerLike)


class Store:
    """The daemon's access to the database. Opened once; closing twice is closing once.

    Methods that wait for the database raise StoreError. `quarantined` is the new place of a
    damaged database that was moved aside when this store was opened, else None.
    """

    def __init__(self, path: Path, opened: OpenDatabase, on_error: OnError | None) -> None:
        self._path = path
        self._file = _identity(path)
        self._opened = opened
        pairings = PairingsFile(path.with_name("pairings.json"))
        known = restore(opened.db, pairings)
        self._writer = Writer(opened.db, on_error)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._long_reads = LongReads(path)
        self._closed = False
        self.scrubber = Scrubber(path)
        self.unkept = UnkeptConversations()
        self.preferences = Preferences(self._write, self._query)
        self.clients = Clients(self._write, self._query, self._writer.post, pairings, known)
        self.figures = Figures(self._long_reads.query, self._long_reads.stream)
        self.recordings = Recordings(deletion.recordings_beside(path), self.unkept)
        self.tasks = StoredTasks(
            *(path, self._write, self._query, self._writer.post), unkept=self.unkept
        )
        self.retention = StoredRetention(self._write, self._query, deletion.recordings_beside(path))
        self.keeping = ConversationKeeping(
            *(self._write, self._query, self.unkept, self.tasks, self.recent_turns),
            scrub=self.scrubber.request,
        )
        self.quarantined = opened.quarantined

    @classmethod
    def open(cls, path: Path, *, on_error: OnError | None = None) -> "Store":
        """Opens or creates the database at `path`. Blocks; after a crash it checks every page.

        `on_error` is called, mostly on the writer's thread, at the start of each outage and loss.
        """
        opened = open_for_writing(path)
        if opened.quarantined or deletion.knows_no_conversation(opened.db):
            deletion.set_recordings_aside(path, opened.quarantined or place_aside(path))
        with suppress(StoreError):  # a process that was killed may have left recordings
            deletion.remove_recordings(path)
        return cls(path, opened, on_error)

    @property
    def alive(self) -> bool:
        """False once the writer cannot write any more and only a restart helps."""
        return self._writer.alive

    @property
    def trouble(self) -> str:
        """Why nothing is kept at the moment: "full", "damaged", "missing", or ""."""
        return self._writer.trouble or ("" if _identity(self._path) == self._file else "missing")

    def stats(self) -> StoreStats:
        return self._writer.stats()

    def append(self, event: Event) -> None:
        """Queues an event, from any thread, without blocking; `stats` counts lost ones.

        An event of a conversation that is not kept is written nowhere.
        """
        if event.conversation_id in self.unkept:
            self.unkept.note(event)
        else:
            self._writer.append(event)

    async def flush(self) -> None:
        """Waits until all events appended before are committed. Raises StoreError on a loss."""
        lost = await asyncio.wrap_future(self._writer.flush())
        if lost:
            raise StoreError(f"{lost} entries could not be written")

    async def close(self) -> None:
        """Commits what is queued and releases the file."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self.recordings.close)
        await asyncio.to_thread(self.scrubber.close)
        await asyncio.to_thread(self._writer.close, CLOSE_GRACE)
        await asyncio.to_thread(self._readers.shutdown)
        await asyncio.to_thread(self._long_reads.close)
        self._opened.release(clean=self._writer.finished)

    async def conversations(
        self, limit: int = 50, before: str | None = None, client_id: str | None = None
    ) -> list[ConversationSummary]:
        """See `queries.conversations`."""
        return await self._query(
            partial(queries.conversations, limit=limit, before=before, client_id=client_id)
        )

    async def conversation(self, conversation_id: str) -> Conversation:
        """Returns all that is kept of a conversation. Raises NotFound."""
        return await self._query(partial(queries.conversation, conversation_id=conversation_id))

    async def conversation_ids(self, prefix: str) -> list[str]:
        """See `queries.conversation_ids`."""
        return await self._query(partial(queries.conversation_ids, prefix=prefix))

    async def search(
        self, text: str, limit: int = 50, client_id: str | None = None
    ) -> list[SearchHit]:
        """See `queries.search`."""
        return await self._long_reads.query(
            partial(queries.search, text=text, limit=limit, client_id=client_id)
        )

    def export(
        self, conversation_id: str, fmt: export.Format = "json"
    ) -> AsyncGenerator[str, None]:
        """Yields the conversation as a document, in pieces. Raises NotFound before the first."""
        return self._long_reads.stream(
            partial(export.pieces, conversation_id=conversation_id, fmt=fmt)
        )

    async def recent_turns(self, conversation_id: str, n: int) -> list[TurnRecord]:
        """Returns the last `n` turns, oldest first, for a session that resumes the conversation."""
        if conversation_id in self.unkept:
            return self.unkept.recent_turns(conversation_id, n)
        return await self._query(
            partial(queries.recent_turns, conversation_id=conversation_id, n=n)
        )

    async def user_texts(self, client_id: str, begin: float, end: float) -> list[str]:
        """See `queries.user_texts`."""
        return await self._query(
            partial(queries.user_texts, client_id=client_id, begin=begin, end=end)
        )

    async def delete(self, conversation_id: str) -> None:
        """Deletes a conversation. Raises NotFound.

        `scrubber` then removes its words from all files, within seconds. End its sessions first:
        the next event of one would create the conversation again.
        """
        was_unkept = self.unkept.discard(conversation_id)
        self.tasks.drop_unkept(conversation_id)
        if was_unkept:
            return
        if not await self._write(partial(deletion.begin, conversation_id=conversation_id)):
            raise queries.unknown_conversation(conversation_id)
        await deletion.delete_rest(self._write, conversation_id)
        self.scrubber.request()
        await self._off_loop(partial(deletion.remove_recordings, self._path))

    def timers(self, make: TimerFactory[AnyTimer]) -> StoredTimers[AnyTimer]:
        """Returns the table of timers; `make` is the class of the timers that it returns."""
        return StoredTimers(self._path, self._writer.post, make)

    async def _write(self, operation: "Callable[[Database], T]") -> T:
        result: T = await asyncio.wrap_future(self._writer.submit(operation))
        return result

    async def _query(self, operation: "Callable[[Database], T]") -> T:
        def job() -> T:
            with queries.reading(self._path) as db:
                return operation(db)

        return await self._off_loop(job)

    async def _off_loop(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)


def _identity(path: Path) -> tuple[int, int] | None:
    """The file that is at a path now; None where there is none. A writer keeps a removed file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
