"""Worker threads of one engine, and the priority queue of the requests that wait for them."""

import asyncio
import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

from appliance.engines import Ticket
from appliance.engines.stall_clock import StallClock
from appliance.errors import ApplianceError, EngineBusy, EngineFailed
from appliance.hardware.processor_time import ThreadFamily

NICENESS: Final = 5
"""Gives the event loop three shares of a busy core to an engine's one. On two cores with both
decoders at work, the loop otherwise waits for a core longer than for anything it does itself. What
else the machine computes must not profit from it: the unit starts the process at -5, so engines
compute at the normal priority, and agents below them."""
_LARGEST_BATCH: Final = 8
"""Eight together take a CPU as long as four in turn; more would keep the first waiting too long."""

_AT_WORK: Final = 1e-6
"""Seconds: the least that a pool at work reports."""

A = TypeVar("A")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Emit = Callable[[bytes], bool]
"""Hands a chunk over; False means that nobody listens any more and the work should end."""


@dataclass(eq=False, slots=True)
class QueuedRequest:
    """A request that waits. Those of an equal `group` (not None) can be served as one batch."""

    ticket: Ticket
    group: Hashable | None = None


R = TypeVar("R", bound=QueuedRequest)


@dataclass(frozen=True, slots=True)
class Dequeued(Generic[R]):
    """`batch` is to be served now, together; the deadline of `expired` has passed."""

    batch: tuple[R, ...]
    expired: tuple[R, ...]


class PriorityQueue(Generic[R]):
    """Requests by the priority of their tickets, equals first come, first served. Pure.

    It does not sort on insertion: a ticket may change while it waits, and the queue is short.
    """

    def __init__(self) -> None:
        self._requests: list[R] = []

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, request: R) -> None:
        self._requests.append(request)

    def remove(self, request: R) -> bool:
        """Removes a request; False where it is no longer in the queue."""
        if request not in self._requests:
            return False
        self._requests.remove(request)
        return True

    def take(self, now: float, max_batch: int) -> Dequeued[R]:
        """Takes the next request, and up to `max_batch` - 1 others that can share the work.

        Only equals share a batch: a user who listens into silence must not pay for work that can
        wait. Requests whose deadline is at or before `now` leave the queue as well.
        """
        expired = tuple(request for request in self._requests if _is_expired(request.ticket, now))
        left = [request for request in self._requests if request not in expired]
        batch: list[R] = []
        if left:
            first = min(left, key=lambda request: request.ticket.priority)
            batch = [first, *_batchable(first, left)][:max_batch]
        self._requests = [request for request in left if request not in batch]
        return Dequeued(tuple(batch), expired)

    def clear(self) -> tuple[R, ...]:
        """Takes everything."""
        requests, self._requests = tuple(self._requests), []
        return requests


def _is_expired(ticket: Ticket, now: float) -> bool:
    return ticket.deadline is not None and ticket.deadline <= now


def _batchable(first: R, requests: list[R]) -> list[R]:
    if first.group is None:
        return []
    return [
        request
        for request in requests
        if request is not first
        and request.group == first.group
        and request.ticket.priority == first.ticket.priority
    ]


@dataclass(eq=False, slots=True)
class _Job(QueuedRequest):
    """`work` takes the items of a batch and returns one result for each, in order.

    `abandoned`: the caller was cancelled, and nobody reads the result.
    """

    work: Callable[[Sequence[Any]], Sequence[Any]] = field(kw_only=True)
    item: Any = None
    result: "Future[Any]" = field(default_factory=Future)
    abandoned: bool = False


def lower_thread_priority() -> None:
    """Lowers the priority of the calling thread, and of the threads it will start, by NICENESS.

    The first thing that a thread with heavy work does. Does nothing outside Linux, where threads
    have no priority of their own.
    """
    thread = threading.get_native_id()
    if thread != os.getpid() and sys.platform == "linux":
        # A sandbox may forbid it; then all threads are equal and the work is done all the same.
        with contextlib.suppress(PermissionError):
            niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


_pool_numbers = itertools.count(1)


class WorkerPool:
    """`threads` threads that belong to one engine, and are named after it."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._name = name
        # The number tells them from those of an engine of the same kind that is being closed.
        self._family = ThreadFamily(f"{name[:10]}-{next(_pool_numbers)}")
        self._stall_clock = StallClock()
        self._executor = ThreadPoolExecutor(
            threads, thread_name_prefix=name, initializer=self._begin_thread
        )
        self._queue: PriorityQueue[_Job] = PriorityQueue()
        # Held only to look at the queue or at `_progress_at`, never while work runs.
        self._lock = threading.Lock()
        self._closed = False
        # When each thread at work last made progress: it began, or handed a chunk over.
        self._progress_at: dict[int, float] = {}
        # The requests that each thread is at work on.
        self._at_work = threading.local()

    @property
    def is_idle(self) -> bool:
        """True while no thread is at work."""
        return not self._progress_at

    @property
    def stuck_seconds(self) -> float:
        """Seconds without progress of the slowest thread at work, as StallClock counts them.

        0 only where none is at work. What the engine got of the processors is that of all its
        threads, those of its native library included. For the event loop only.
        """
        with self._lock:
            progress_at = min(self._progress_at.values(), default=None)
        if progress_at is None:
            return 0.0
        total = self._family.processor_time()
        return max(_AT_WORK, self._stall_clock.read(time.monotonic(), progress_at, total))

    def _begin_thread(self) -> None:
        self._family.adopt_current_thread()
        lower_thread_priority()

    def _note_progress(self) -> None:
        """Notes progress of the calling thread, unless the work itself started that thread."""
        thread = threading.get_ident()
        with self._lock:
            if thread in self._progress_at:
                self._progress_at[thread] = time.monotonic()

    def is_abandoned(self) -> bool:
        """True where nobody awaits any more what the calling thread is at work on.

        For work in several steps: it may then return anything instead of taking the next one.
        """
        return all(job.abandoned for job in self._at_work.jobs)

    async def run(
        self, work: Callable[[*Ts], T], *arguments: *Ts, ticket: Ticket | None = None
    ) -> T:
        """Runs `work` on a thread when its ticket's turn has come; the result of it.

        Cancelling the caller drops work that has not started; work that has started runs to its
        end, or to where it asks `is_abandoned`, and its result is dropped. Raises EngineBusy where
        the deadline passes before it starts, and EngineFailed after `close` and for whatever
        `work` raises, except for the appliance's own errors, which pass unchanged.
        """
        job = _Job(ticket or Ticket(), work=lambda _: [work(*arguments)])
        result: T = await self._do(job)
        return result

    async def run_batched(
        self,
        work: Callable[[Sequence[A]], Sequence[T]],
        item: A,
        group: Hashable,
        ticket: Ticket | None = None,
    ) -> T:
        """Like `run`, for work that is cheaper in batches.

        `work` gets `item` with the items of all requests that wait at that moment with the same
        `work`, an equal `group` and the same priority; it returns one result for each, in order.
        A batch that fails is repeated one by one, so that no request fails for another's item or
        for lack of memory.
        """
        job = _Job(ticket or Ticket(), (work, group), work=work, item=item)
        result: T = await self._do(job)
        return result

    async def stream(
        self, produce: Callable[[Emit], None], ticket: Ticket | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The chunks that `produce` emits on a thread, as they come.

        Closing the iterator early drops work that has not started, and ends work that has at its
        next chunk. Raises what `run` raises, after the chunks that came before the error.
        """
        loop = asyncio.get_running_loop()
        # Unbounded: a slow listener must not hold up the engine for other sessions, and the
        # audio of one answer is small.
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        left = threading.Event()

        def emit(chunk: bytes) -> bool:
            self._note_progress()
            if left.is_set() or loop.is_closed():
                return False
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            return True

        working = asyncio.create_task(self.run(produce, emit, ticket=ticket))
        working.add_done_callback(lambda _: chunks.put_nowait(None))
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            await working
        finally:
            left.set()
            working.cancel()
            await asyncio.wait({working})

    @contextlib.asynccontextmanager
    async def close_on_failure(self) -> AsyncIterator[None]:
        """Closes the pool if the context raises: for loading an engine."""
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.close)
            yield
            undo.pop_all()

    async def close(self) -> None:
        """Drops waiting work, lets running work end, ends the threads. Twice is once."""
        with self._lock:
            self._closed = True
            dropped = self._queue.clear()
        for job in dropped:
            _fail(job, EngineFailed(f"{self._name} was closed before it came to this"))
        # Off the loop, because it waits for the running work to let go of the model.
        await asyncio.to_thread(self._executor.shutdown, wait=True)

    async def _do(self, job: _Job) -> Any:  # noqa: ANN401  whatever the work returns
        with self._lock:
            if self._closed:
                raise EngineFailed(f"{self._name} is closed")
            self._queue.add(job)
            # A free thread takes whatever is next by then, so there are as many calls as jobs.
            self._executor.submit(self._serve)
        timer = self._drop_at_deadline(job)
        try:
            return await asyncio.wrap_future(job.result)
        except asyncio.CancelledError:
            job.abandoned = True
            raise
        finally:
            if timer:
                timer.cancel()
            with self._lock:
                self._queue.remove(job)

    def _drop_at_deadline(self, job: _Job) -> asyncio.TimerHandle | None:
        """Fails the request at its deadline, not only when a thread becomes free after it."""
        if job.ticket.deadline is None:
            return None
        left = job.ticket.deadline - time.monotonic()
        return asyncio.get_running_loop().call_later(left, self._drop, job)

    def _drop(self, job: _Job) -> None:
        with self._lock:
            waited = self._queue.remove(job)
        if waited:
            self._fail_expired(job)

    def _fail_expired(self, job: _Job) -> None:
        _fail(job, EngineBusy(f"{self._name} was too busy to begin in time"))

    def _serve(self) -> None:
        """Serves the next requests; there may be none, as one thread may have taken a batch."""
        with self._lock:
            taken = self._queue.take(time.monotonic(), _LARGEST_BATCH)
        for job in taken.expired:
            self._fail_expired(job)
        jobs = [job for job in taken.batch if job.result.set_running_or_notify_cancel()]
        if not jobs:
            return
        thread = threading.get_ident()
        now = time.monotonic()
        with self._lock:
            self._progress_at[thread] = now
        for job in jobs:
            # Work in several steps, each with a place in the queue, begins with the first.
            job.ticket.started_at = job.ticket.started_at or now
        try:
            self._work(jobs)
        finally:
            with self._lock:
                del self._progress_at[thread]

    def _work(self, jobs: Sequence[_Job]) -> None:
        self._at_work.jobs = jobs
        try:
            results = jobs[0].work([job.item for job in jobs])
        except Exception as error:  # noqa: BLE001  the boundary where foreign errors become ours
            if len(jobs) == 1:
                jobs[0].result.set_exception(self._translate(error))
                return
            for job in jobs:
                self._work([job])
            return
        for job, result in zip(jobs, results, strict=True):
            job.result.set_result(result)

    def _translate(self, error: Exception) -> ApplianceError:
        if isinstance(error, ApplianceError):
            return error
        failed = EngineFailed(f"{self._name} failed: {error}")
        failed.__cause__ = error
        return failed


def _fail(job: _Job, error: EngineFailed) -> None:
    if job.result.set_running_or_notify_cancel():
        job.result.set_exception(error)
