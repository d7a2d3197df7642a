"""The one thread that writes. Everything that waits at the same time shares one commit.

What is queued survives a full disk or an input/output error: the writer tries again until it
succeeds or is closed. One bad entry never takes others with it.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.conversation import Event
from appliance.errors import StoreError
from appliance.store.connection import transaction
from appliance.store.event_rows import encode, record
from appliance.store.faults import is_damage, is_passing
from appliance.store.records import StoreStats
from appliance.store.work import Apply, Work, WorkQueue

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

FIRST_RETRY = 0.05  # seconds, doubled each time
LAST_RETRY = 5.0  # so that it recovers within ten seconds of space coming back
STUCK_SECONDS = 60.0  # a tired SD card may stall for half of this
LAST_ATTEMPT = 10.0  # at the end, one attempt more, which may wait for another program's lock

OnError = Callable[[StoreError], None]


class Writer:
    """Used once: from construction, which starts the thread, to `close`.

    `on_error` is called, mostly on the writer's thread, at the start of each outage and loss.
    """

    def __init__(self, db: "Database", on_error: OnError | None = None) -> None:
        self._db = db
        self._on_error = on_error or _log
        self._queue = WorkQueue()
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once the writer cannot write any more and only a restart helps."""
        busy = self._busy_since
        stuck = busy is not None and time.monotonic() - busy > STUCK_SECONDS
        return self._thread.is_alive() and not self._queue.broken and not stuck

    @property
    def finished(self) -> bool:
        """True once the thread has ended with the database in order."""
        return not self._thread.is_alive() and not self._queue.broken

    def stats(self) -> StoreStats:
        return self._queue.stats()

    def append(self, event: Event) -> None:
        """Queues an event."""
        self.post(partial(record, rows=encode(event)))

    def post(self, apply: Apply) -> None:
        """Queues `apply(db)` for which nobody waits; if it cannot be done it counts as failed."""
        refusal = self._queue.post(Work(apply))
        if refusal is not None:
            self._report(refusal)

    def submit(self, apply: Apply) -> "Future[Any]":
        """Queues `apply(db)`; the future has its result once it is committed, or StoreError."""
        done: Future[Any] = Future()
        self._queue.submit(Work(apply, done, patient=False))
        return done

    def flush(self) -> "Future[int]":
        """Done when all that was queued before is committed: how many entries were lost by then."""
        done: Future[int] = Future()
        failed = self._queue.failed
        self._queue.submit(Work(lambda _: self._queue.failed - failed, done))
        return done

    def close(self, patience: float) -> None:
        """Writes what is queued and ends the thread; a failing disk gets `patience` seconds."""
        self._queue.close(patience)
        self._thread.join(patience + LAST_ATTEMPT)

    def _run(self) -> None:
        while (batch := self._queue.take()) is not None:
            self._write(batch)
        try:
            # Into the file itself: a copy of the file alone is then complete.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            log.warning("the last checkpoint failed, the log stays beside the file: %s", error)
        self._db.close()

    def _write(self, batch: Sequence[Work]) -> None:
        delay = FIRST_RETRY
        while batch:
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001  the thread must outlive whatever is queued
                reason = _translated(error)
                if not is_passing(error):
                    self._sort_out(batch, reason, damage=is_damage(error))
                    return
                batch = self._keep_patient(batch, reason)
                if not self._queue.pause(delay, closing_step=FIRST_RETRY):
                    self._give_up(batch, reason)
                    return
                delay = min(2 * delay, LAST_RETRY)
            else:
                return

    def _commit(self, batch: Sequence[Work]) -> None:
        self._busy_since = begun = time.monotonic()
        try:
            with transaction(self._db):
                results = [work.apply(self._db) for work in batch]
        finally:
            self._busy_since = None
        self._queue.committed(batch, time.monotonic() - begun)
        for work, result in zip(batch, results, strict=True):
            if work.done is not None:
                work.done.set_result(result)

    def _sort_out(self, batch: Sequence[Work], reason: StoreError, *, damage: bool) -> None:
        """One entry spoilt the batch: commit the others without it. Damage spoils everything."""
        if damage:
            self._queue.damaged(reason)
        if damage or len(batch) == 1:
            self._give_up(batch, reason)
            return
        for work in batch:
            self._write([work])

    def _keep_patient(self, batch: Sequence[Work], reason: StoreError) -> Sequence[Work]:
        if self._queue.outage(reason):
            self._report(reason)
        self._queue.lost([work for work in batch if not work.patient], reason)
        return [work for work in batch if work.patient]

    def _give_up(self, batch: Sequence[Work], reason: StoreError) -> None:
        if any(work.done is None for work in batch):
            self._report(reason)
        self._queue.lost(batch, reason)

    def _report(self, error: StoreError) -> None:
        try:
            self._on_error(error)
        except Exception:  # a fault of the listener must not end the writer
            log.exception("the listener for errors of the store failed")


def _translated(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    return StoreError(f"the database cannot be written: {error}")


def _log(error: StoreError) -> None:
    log.error("%s %s", error.message, error.advice)
