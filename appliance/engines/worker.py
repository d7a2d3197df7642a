"""The threads of one engine: work goes in from the event loop, results come back to it.

A lane takes work in the order in which it came. What waits for a place stands in one spot
(`_executor`), so that an order by priority and deadline can replace first come, first served.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from appliance.errors import ApplianceError, EngineFailed

NICENESS = 5
"""Three shares of a busy core for the event loop, one for an engine: on two cores with both
decoders at work, the loop otherwise waits for its turn longer than for anything it does itself."""

P = ParamSpec("P")
T = TypeVar("T")

Emit = Callable[[bytes], bool]
"""Hands a chunk over; False says that nobody listens any more and the work should end."""


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


class Lane:
    """`threads` threads that one engine owns, named after it."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._name = name
        self._executor = ThreadPoolExecutor(
            threads, thread_name_prefix=name, initializer=behind_the_loop
        )
        self._closed = False

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns, done on a thread of the lane.

        Cancelling the caller drops work that has not started; work that has started runs to its
        end and its result is forgotten. Raises EngineFailed for whatever `work` raises, but for
        the appliance's own errors, and after `close`.
        """
        if self._closed:
            raise EngineFailed(f"{self._name} is closed")
        future = self._executor.submit(work, *args, **kwargs)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            # Nobody cancelled the caller: `close` dropped the work.
            raise EngineFailed(f"{self._name} was closed before it came to this") from None
        except ApplianceError:
            raise
        except Exception as error:  # the edge at which foreign errors become ours
            raise EngineFailed(f"{self._name} failed: {error}") from error

    async def stream(self, produce: Callable[[Emit], None]) -> AsyncIterator[bytes]:
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
            if left.is_set() or loop.is_closed():
                return False
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            return True

        working = asyncio.create_task(self.run(produce, emit))
        working.add_done_callback(lambda _: chunks.put_nowait(None))
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            await working
        finally:
            left.set()
            working.cancel()
            await asyncio.wait({working})

    async def close(self) -> None:
        """Drops what waits, lets what runs end, ends the threads. Twice is once."""
        self._closed = True
        # Off the loop, because it waits for the running work to let go of the model.
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)
