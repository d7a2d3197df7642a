"""Reads what takes long on threads of its own, so that a session waits for none of it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from appliance.errors import StoreError
from appliance.store.queries import reading

if TYPE_CHECKING:
    from sqlite_utils import Database

THREADS = 2

T = TypeVar("T")


class LongReads:
    """Searches, figures and exports. `stream` reads a part when it is asked for the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store-long-reader")
        self._closed = False

    async def query(self, operation: "Callable[[Database], T]") -> T:
        """Returns the result of an operation on a connection of its own. Raises StoreError."""

        def job() -> T:
            with reading(self._path) as db:
                return operation(db)

        return await self._run(job)

    async def stream(self, parts: "Callable[[Database], Iterator[T]]") -> AsyncGenerator[T, None]:
        """Yields what `parts` yields on a connection of its own. Raises StoreError."""
        stream = _Stream(self._path, parts)
        try:
            while True:
                found = await self._run(stream.advance)
                if not found:
                    return
                yield found[0]
        finally:
            # Not awaited: this also runs where the reader was cancelled.
            with suppress(RuntimeError):  # the threads have ended
                self._threads.submit(stream.close)

    async def _run(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def close(self) -> None:
        """Returns when nothing is read any more; a stream ends with its current part."""
        self._closed = True
        self._threads.shutdown()


class _Stream(Generic[T]):
    """One connection and what is read from it, by one thread at a time."""

    def __init__(self, path: Path, parts: "Callable[[Database], Iterator[T]]") -> None:
        self._path = path
        self._make = parts
        self._parts: Iterator[T] | None = None
        self._open = ExitStack()
        self._lock = threading.Lock()

    def advance(self) -> tuple[T] | tuple[()]:
        """The next part; nothing at the end."""
        with self._lock:
            if self._parts is None:
                self._parts = self._make(self._open.enter_context(reading(self._path)))
            for part in self._parts:
                return (part,)
            return ()

    def close(self) -> None:
        with self._lock:
            self._open.close()
