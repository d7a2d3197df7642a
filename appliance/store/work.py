"""What waits to be written: a bounded queue with its counters. Nothing here blocks the caller."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.errors import StoreError
from appliance.store.records import StoreStats

if TYPE_CHECKING:
    from sqlite_utils import Database

POSTED_LIMIT = 50_000  # about 50 MB, an hour of ten sessions talking to a full disk
TOTAL_LIMIT = 60_000  # with what somebody waits for, who can be told
BATCH_LIMIT = 500  # per commit, so that the backlog of an outage is not one endless transaction

Apply = Callable[["Database"], Any]


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do with the database; nobody waits for it where `done` is None.

    `patient` work outlasts a full disk; other work fails at once, so that its caller knows.
    """

    apply: Apply
    done: "Future[Any] | None" = None
    patient: bool = True

    def fail(self, error: StoreError) -> None:
        if self.done is not None:
            self.done.set_exception(error)


class WorkQueue:
    """Filled by any thread, emptied by one. After `close` it takes nothing more."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()
        self._turn = threading.Condition()
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
    def failed(self) -> int:
        return self._failed

    def stats(self) -> StoreStats:
        with self._turn:
            return StoreStats(
                self._open, self._committed, self._failed, self._retries, self._commit_seconds
            )

    def post(self, work: Work) -> StoreError | None:
        """Takes work that nobody waits for; the reason, where it is the first to be refused."""
        with self._turn:
            refusal = self._enqueue(work, POSTED_LIMIT)
            first = not self._refusing
            self._refusing = refusal is not None
            self._failed += refusal is not None
            self._open += refusal is None
        return refusal if first else None

    def submit(self, work: Work) -> None:
        """Takes work that somebody waits for, or fails it."""
        with self._turn:
            refusal = (None if work.patient else self._outage) or self._enqueue(work, TOTAL_LIMIT)
        if refusal is not None:
            work.fail(refusal)

    def take(self) -> list[Work] | None:
        """Waits for the next batch; None when closed and empty."""
        with self._turn:
            self._turn.wait_for(lambda: self._waiting or self._deadline is not None)
            size = min(len(self._waiting), BATCH_LIMIT)
            taken = [self._waiting.popleft() for _ in range(size)]
        # Whoever waited for it may have been cancelled meanwhile.
        kept = [w for w in taken if w.done is None or w.done.set_running_or_notify_cancel()]
        return kept if taken else None

    def committed(self, batch: Sequence[Work], seconds: float) -> None:
        with self._turn:
            self._outage = None
            self._open -= _posted(batch)
            self._committed += _posted(batch)
            self._commit_seconds = seconds

    def lost(self, batch: Sequence[Work], error: StoreError) -> None:
        """Fails the batch, and counts what nobody was waiting for."""
        with self._turn:
            self._open -= _posted(batch)
            self._failed += _posted(batch)
        for work in batch:
            work.fail(error)

    def outage(self, error: StoreError) -> bool:
        """Notes that a commit will be tried again; whether that is news.

        Impatient work fails, what is queued now and what comes until a commit succeeds.
        """
        with self._turn:
            news = self._outage is None
            self._outage = error
            self._retries += 1
            impatient = [work for work in self._waiting if not work.patient]
            self._waiting = deque(work for work in self._waiting if work.patient)
        for work in impatient:
            if work.done is not None and work.done.set_running_or_notify_cancel():
                work.fail(error)
        return news

    def damaged(self, error: StoreError) -> None:
        """From now on everything is refused."""
        with self._turn:
            self._broken = error

    def pause(self, seconds: float, closing_step: float) -> bool:
        """Waits, less when closing; False when closing has taken long enough."""
        with self._turn:
            self._turn.wait_for(lambda: self._deadline is not None, timeout=seconds)
            deadline = self._deadline
        if deadline is None:
            return True
        time.sleep(closing_step)
        return time.monotonic() < deadline

    def close(self, patience: float) -> None:
        """Takes nothing more; what fails may be tried again for `patience` seconds."""
        with self._turn:
            if self._deadline is None:
                self._deadline = time.monotonic() + patience
            self._turn.notify()

    def _enqueue(self, work: Work, limit: int) -> StoreError | None:
        if self._deadline is not None:
            return StoreError("the store is closed")
        if self._broken is not None:
            return self._broken
        if len(self._waiting) >= limit:
            return StoreError("the queue of the database is full; entries are being lost")
        self._waiting.append(work)
        self._turn.notify()
        return None


def _posted(batch: Sequence[Work]) -> int:
    return sum(work.done is None for work in batch)
