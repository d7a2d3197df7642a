"""Writes to the database from one thread. All jobs that wait at the same time share one commit.

Queued jobs survive a full disk or an input/output error: the writer tries again until it succeeds
or is closed. One bad entry never takes others with it.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.conversation import Event
from appliance.errors import StoreError, write_error
from appliance.store.connection import is_damage, is_transient, transaction
from appliance.store.event_rows import encode, record
from appliance.store.records import StoreStats

if TYPE_CHECKING:
    from sqlite_utils import Database

log = logging.getLogger(__name__)

POSTED_LIMIT = 50_000  # about 50 MB: an hour of ten sessions talking while the disk is full
TOTAL_LIMIT = 60_000  # the rest is for jobs whose caller waits and learns of a refusal
BATCH_LIMIT = 500  # per commit, so that the backlog of an outage is not one endless transaction
FIRST_RETRY = 0.05  # seconds, doubled each time
LAST_RETRY = 5.0  # so that it recovers within ten seconds of space coming back
STUCK_SECONDS = 60.0  # a worn SD card may stall for half of this
LAST_ATTEMPT = 10.0  # one more attempt while closing, which may wait for another program's lock

Operation = Callable[["Database"], Any]
OnError = Callable[[StoreError], None]


@dataclass(frozen=True, slots=True)
class WriteJob:
    """An operation on the database; nobody waits for it where `done` is None.

    A `durable` job waits until a full disk has space again; any other fails at once, so that its
    caller knows.
    """

    operation: Operation
    done: "Future[Any] | None" = None
    durable: bool = True

    def fail(self, error: StoreError) -> None:
        if self.done is not None:
            self.done.set_exception(error)


class WriteQueue:
    """A bounded queue with counters: filled by any thread without blocking, emptied by one."""

    def __init__(self) -> None:
        self._waiting: deque[WriteJob] = deque()
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._outage: StoreError | None = None
        self._broken: StoreError | None = None
        self._refusing = False
        self._open = self._committed = self._failed = self._retries = 0
        self._commit_seconds = 0.0

    @property
    def broken(self) -> bool:
        return self._broken is not None

    @property
    def in_outage(self) -> bool:
        """Whether the latest commit failed and is being repeated."""
        return self._outage is not None

    @property
    def failed(self) -> int:
        return self._failed

    def stats(self) -> StoreStats:
        with self._changed:
            return StoreStats(
                self._open, self._committed, self._failed, self._retries, self._commit_seconds
            )

    def post(self, job: WriteJob) -> StoreError | None:
        """Takes a job that nobody waits for.

        Returns the reason at the first of several refusals in a row, else None.
        """
        with self._changed:
            refusal = self._enqueue(job, POSTED_LIMIT)
            first = not self._refusing
            self._refusing = refusal is not None
            self._failed += refusal is not None
            self._open += refusal is None
        return refusal if first else None

    def submit(self, job: WriteJob) -> None:
        """Takes a job whose caller waits, or fails it."""
        with self._changed:
            refusal = (None if job.durable else self._outage) or self._enqueue(job, TOTAL_LIMIT)
        if refusal is not None:
            job.fail(refusal)

    def take(self) -> list[WriteJob] | None:
        """Waits for the next batch; None when closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._deadline is not None)
            size = min(len(self._waiting), BATCH_LIMIT)
            taken = [self._waiting.popleft() for _ in range(size)]
        # A caller that waited may have been cancelled meanwhile.
        kept = [job for job in taken if job.done is None or job.done.set_running_or_notify_cancel()]
        return kept if taken else None

    def committed(self, batch: Sequence[WriteJob], seconds: float) -> None:
        """Counts a batch that was written, which ends an outage."""
        with self._changed:
            self._outage = None
            self._open -= _posted(batch)
            self._committed += _posted(batch)
            self._commit_seconds = seconds

    def lost(self, batch: Sequence[WriteJob], error: StoreError) -> None:
        """Fails the jobs of a batch, and counts those that nobody was waiting for."""
        with self._changed:
            self._open -= _posted(batch)
            self._failed += _posted(batch)
        for job in batch:
            job.fail(error)

    def begin_outage(self, error: StoreError) -> bool:
        """Notes that a commit has to be repeated; True where the one before had succeeded.

        Jobs that are not durable fail: those queued now, and new ones until a commit succeeds.
        """
        with self._changed:
            begins = self._outage is None
            self._outage = error
            self._retries += 1
            failing = [job for job in self._waiting if not job.durable]
            self._waiting = deque(job for job in self._waiting if job.durable)
        for job in failing:
            if job.done is not None and job.done.set_running_or_notify_cancel():
                job.fail(error)
        return begins

    def refuse_all(self, error: StoreError) -> None:
        """Refuses every job from now on: the file is damaged."""
        with self._changed:
            self._broken = error

    def pause(self, seconds: float, closing_step: float) -> bool:
        """Waits before a retry, less when closing; False when closing has taken long enough."""
        with self._changed:
            self._changed.wait_for(lambda: self._deadline is not None, timeout=seconds)
            deadline = self._deadline
        if deadline is None:
            return True
        time.sleep(closing_step)
        return time.monotonic() < deadline

    def close(self, grace: float) -> None:
        """Takes nothing more; a failing commit may be repeated for `grace` seconds."""
        with self._changed:
            if self._deadline is None:
                self._deadline = time.monotonic() + grace
            self._changed.notify()

    def _enqueue(self, job: WriteJob, limit: int) -> StoreError | None:
        if self._deadline is not None:
            return StoreError("the store is closed")
        if self._broken is not None:
            return self._broken
        if len(self._waiting) >= limit:
            return StoreError("the queue of the database is full; entries are being lost")
        self._waiting.append(job)
        self._changed.notify()
        return None


def _posted(batch: Sequence[WriteJob]) -> int:
    return sum(job.done is None for job in batch)


class Writer:
    """The writing thread, used once: from construction, which starts it, to `close`.

    `on_error` is called, mostly on the writer's thread, at the start of each outage and loss.
    """

    def __init__(self, db: "Database", on_error: OnError | None = None) -> None:
        self._db = db
        self._on_error = on_error or _log
        self._queue = WriteQueue()
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
    def trouble(self) -> str:
        """Why nothing can be written now: "damaged", or "full" for any disk that refuses."""
        if self._queue.broken:
            return "damaged"
        return "full" if self._queue.in_outage else ""

    @property
    def finished(self) -> bool:
        """True once the thread has ended with the database in order."""
        return not self._thread.is_alive() and not self._queue.broken

    def stats(self) -> StoreStats:
        return self._queue.stats()

    def append(self, event: Event) -> None:
        """Queues an event."""
        self.post(partial(record, rows=encode(event)))

    def post(self, operation: Operation) -> None:
        """Queues `operation(db)` for which nobody waits; where it fails it counts as lost."""
        refusal = self._queue.post(WriteJob(operation))
        if refusal is not None:
            self._report(refusal)

    def submit(self, operation: Operation) -> "Future[Any]":
        """Queues `operation(db)`; the future has its result once committed, or StoreError."""
        done: Future[Any] = Future()
        self._queue.submit(WriteJob(operation, done, durable=False))
        return done

    def flush(self) -> "Future[int]":
        """Done when all jobs queued before are; its result is the number of entries lost since."""
        done: Future[int] = Future()
        failed = self._queue.failed
        self._queue.submit(WriteJob(lambda _: self._queue.failed - failed, done))
        return done

    def close(self, grace: float) -> None:
        """Writes what is queued and ends the thread; a failing disk gets `grace` seconds."""
        self._queue.close(grace)
        self._thread.join(grace + LAST_ATTEMPT)

    def _run(self) -> None:
        while (batch := self._queue.take()) is not None:
            self._write(batch)
        try:
            # Into the file itself: a copy of the file alone is then complete.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            log.warning("the last checkpoint failed, the log stays beside the file: %s", error)
        self._db.close()

    def _write(self, batch: Sequence[WriteJob]) -> None:
        delay = FIRST_RETRY
        while batch:
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001  the thread must outlive whatever is queued
                reason = _store_error(error)
                if not is_transient(error):
                    self._isolate(batch, reason, damage=is_damage(error))
                    return
                batch = self._keep_durable(batch, reason)
                if not self._queue.pause(delay, closing_step=FIRST_RETRY):
                    self._give_up(batch, reason)
                    return
                delay = min(2 * delay, LAST_RETRY)
            else:
                return

    def _commit(self, batch: Sequence[WriteJob]) -> None:
        self._busy_since = begun = time.monotonic()
        try:
            with transaction(self._db):
                results = [job.operation(self._db) for job in batch]
        finally:
            self._busy_since = None
        self._queue.committed(batch, time.monotonic() - begun)
        for job, result in zip(batch, results, strict=True):
            if job.done is not None:
                job.done.set_result(result)

    def _isolate(self, batch: Sequence[WriteJob], reason: StoreError, *, damage: bool) -> None:
        """One job spoilt the batch: commits the others without it. Damage spoils all jobs."""
        if damage:
            self._queue.refuse_all(reason)
        if damage or len(batch) == 1:
            self._give_up(batch, reason)
            return
        for job in batch:
            self._write([job])

    def _keep_durable(self, batch: Sequence[WriteJob], reason: StoreError) -> Sequence[WriteJob]:
        """Fails the jobs of a batch that are not durable, and returns the others."""
        if self._queue.begin_outage(reason):
            self._report(reason)
        self._queue.lost([job for job in batch if not job.durable], reason)
        return [job for job in batch if job.durable]

    def _give_up(self, batch: Sequence[WriteJob], reason: StoreError) -> None:
        if any(job.done is None for job in batch):
            self._report(reason)
        self._queue.lost(batch, reason)

    def _report(self, error: StoreError) -> None:
        try:
            self._on_error(error)
        except Exception:  # the boundary of `on_error`: a fault there must not end the writer
            log.exception("the error handler of the store failed")


def _store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    return write_error("the database", error)


def _log(error: StoreError) -> None:
    log.error("%s %s", error.message, error.advice)
