"""The threads of one engine: work goes in from the event loop, results come back to it.

What waits for a thread stands in a line (`waiting.py`), which says what is next.
"""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, TypeVarTuple

from appliance.engines import Ticket
from appliance.engines.waiting import Place, WaitingLine
from appliance.errors import ApplianceError, EngineBusy, EngineFailed

NICENESS = 5
"""Three shares of a busy core for the event loop, one for an engine: on two cores with both
decoders at work, the loop otherwise waits for its turn longer than for anything it does itself."""

A = TypeVar("A")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Emit = Callable[[bytes], bool]
"""Hands a chunk over; False says that nobody listens any more and the work should end."""

_LARGEST_BATCH: Final = 8
"""A batch of eight takes a CPU as long as four in turn; longer, the first would wait too long."""


@dataclass(eq=False, slots=True)
class _Job(Place):
    """`work` takes the items of a batch and returns a result for each, in their order."""

    work: Callable[[Sequence[Any]], Sequence[Any]] = field(kw_only=True)
    item: Any = None
    result: "Future[Any]" = field(default_factory=Future)


def behind_the_loop() -> None:
    """Lets the calling thread, and those it will start, stand back when the cores are taken.

    The first thing a thread with heavy work does. Where a thread cannot have a priority of its
    own (outside Linux), it does nothing.
    """
    thread = threading.get_native_id()
    if thread != os.getpid() and sys.platform == "linux":
        # A sandbox may forbid it; then all threads are equal, and the work is done all the same.
        with contextlib.suppress(PermissionError):
            niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


class WorkerPool:
    """`threads` threads that one engine owns, named after it."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._name = name
        self._executor = ThreadPoolExecutor(
            threads, thread_name_prefix=name, initializer=behind_the_loop
        )
        self._line: WaitingLine[_Job] = WaitingLine()
        # Held for the moment it takes to look at the line, never while anything runs.
        self._lock = threading.Lock()
        self._closed = False
        # When each thread at work last gave a sign: it began, or handed something over.
        self._signs: dict[int, float] = {}

    @property
    def stuck_seconds(self) -> float:
        """How long the quietest thread at work has given no sign; 0 where none is at work."""
        with self._lock:
            return time.monotonic() - min(self._signs.values()) if self._signs else 0.0

    def _sign_again(self) -> None:
        """From a thread of the lane; one that the work started itself stands for nothing."""
        thread = threading.get_ident()
        with self._lock:
            if thread in self._signs:
                self._signs[thread] = time.monotonic()

    async def run(
        self, work: Callable[[*Ts], T], *arguments: *Ts, ticket: Ticket | None = None
    ) -> T:
        """What `work` returns, done on a thread of the lane when its ticket's turn has come.

        Cancelling the caller drops work that has not started; work that has started runs to its
        end and its result is forgotten. Raises EngineBusy where the deadline passed before it
        started; EngineFailed for whatever `work` raises, but for the appliance's own errors,
        and after `close`.
        """
        job = _Job(ticket or Ticket(), work=lambda _: [work(*arguments)])
        result: T = await self._done(job)
        return result

    async def run_together(
        self,
        work: Callable[[Sequence[A]], Sequence[T]],
        item: A,
        group: Hashable,
        ticket: Ticket | None = None,
    ) -> T:
        """Like `run`, for work that is cheaper in company: `work` gets `item` and the items of
        whoever else waits then with the same `work`, an equal `group` and the same priority.

        It returns one result for each, in their order. A batch that fails is done again one by
        one, so that nobody fails for another's item or for want of memory.
        """
        job = _Job(ticket or Ticket(), (work, group), work=work, item=item)
        result: T = await self._done(job)
        return result

    async def stream(
        self, produce: Callable[[Emit], None], ticket: Ticket | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The chunks that `produce` emits on a thread of the lane, as they come.

        Leaving the iterator early drops work that has not started and tells work that has, at
        its next chunk. Raises what `run` raises, after the chunks that came before the error.
        """
        loop = asyncio.get_running_loop()
        # Without a bound: a slow listener must not keep the engine from the other sessions, and
        # one answer's audio is small.
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        left = threading.Event()

        def emit(chunk: bytes) -> bool:
            self._sign_again()
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
    async def loading(self) -> AsyncIterator[None]:
        """Closes the lane where what is done meanwhile does not end well."""
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.close)
            yield
            undo.pop_all()

    async def close(self) -> None:
        """Drops what waits, lets what runs end, ends the threads. Twice is once."""
        with self._lock:
            self._closed = True
            dropped = self._line.clear()
        for job in dropped:
            _fail(job, EngineFailed(f"{self._name} was closed before it came to this"))
        # Off the loop, because it waits for the running work to let go of the model.
        await asyncio.to_thread(self._executor.shutdown, wait=True)

    async def _done(self, job: _Job) -> Any:  # noqa: ANN401  whatever the work returns
        with self._lock:
            if self._closed:
                raise EngineFailed(f"{self._name} is closed")
            self._line.add(job)
            # Any thread that is free takes whatever is next by then, so as many calls as jobs.
            self._executor.submit(self._serve)
        timer = self._drop_at(job)
        try:
            return await asyncio.wrap_future(job.result)
        finally:
            if timer:
                timer.cancel()
            with self._lock:
                self._line.remove(job)

    def _drop_at(self, job: _Job) -> asyncio.TimerHandle | None:
        """So that who waits learns at the deadline, not when a thread gets free after it."""
        if job.ticket.deadline is None:
            return None
        left = job.ticket.deadline - time.monotonic()
        return asyncio.get_running_loop().call_later(left, self._drop, job)

    def _drop(self, job: _Job) -> None:
        with self._lock:
            waited = self._line.remove(job)
        if waited:
            self._fail_late(job)

    def _fail_late(self, job: _Job) -> None:
        _fail(job, EngineBusy(f"{self._name} was too busy to begin in time"))

    def _serve(self) -> None:
        """Does what is next; nothing where it was dropped or done in another's batch."""
        with self._lock:
            taken = self._line.take(time.monotonic(), _LARGEST_BATCH)
        for job in taken.late:
            self._fail_late(job)
        jobs = [job for job in taken.batch if job.result.set_running_or_notify_cancel()]
        if not jobs:
            return
        thread = threading.get_ident()
        with self._lock:
            self._signs[thread] = time.monotonic()
        try:
            self._work(jobs)
        finally:
            with self._lock:
                del self._signs[thread]

    def _work(self, jobs: Sequence[_Job]) -> None:
        try:
            results = jobs[0].work([job.item for job in jobs])
        except Exception as error:  # noqa: BLE001  where foreign errors become ours, for who waits
            if len(jobs) == 1:
                jobs[0].result.set_exception(self._ours(error))
                return
            for job in jobs:
                self._work([job])
            return
        for job, result in zip(jobs, results, strict=True):
            job.result.set_result(result)

    def _ours(self, error: Exception) -> ApplianceError:
        if isinstance(error, ApplianceError):
            return error
        failed = EngineFailed(f"{self._name} failed: {error}")
        failed.__cause__ = error
        return failed


def _fail(job: _Job, error: EngineFailed) -> None:
    if job.result.set_running_or_notify_cancel():
        job.result.set_exception(error)
