"""Runs tasks and blocking calls beside an event loop; logs and stops child processes."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TextIO, TypeVar

from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

T = TypeVar("T")


class BackgroundTasks:
    """Tasks of one event loop that nobody awaits; failures are logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Starts a task; `name` completes the sentence "could not ..." in the log."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ApplianceError):
            log.error("could not %s: %s %s", task.get_name(), error.message, error.advice)
        elif error is not None:
            log.error("could not %s", task.get_name(), exc_info=error)

    async def finish(self, seconds: float) -> None:
        """Waits for all tasks; cancels those that are not done after `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await self.cancel()

    async def cancel(self) -> None:
        """Cancels all tasks, and returns when none runs any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_in_daemon_thread(job: Callable[[], T]) -> T:
    """Returns the result of `job`, or raises its exception.

    Unlike with `asyncio.to_thread`, a job that hangs for ever (a dead network disk, a sensor)
    delays neither a time-out nor the end of the program: its thread is abandoned.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle_if_awaited(settle: Callable[[], None]) -> None:
        if not done.done():
            settle()

    def work() -> None:
        try:
            result = job()
        except BaseException as error:  # noqa: BLE001  raised again in the caller
            raised = error
            settle: Callable[[], None] = lambda: done.set_exception(raised)  # noqa: E731
        else:
            settle = lambda: done.set_result(result)  # noqa: E731
        with suppress(RuntimeError):  # the loop is closed, so nobody waits any more
            loop.call_soon_threadsafe(settle_if_awaited, settle)

    threading.Thread(target=work, name="daemon-thread", daemon=True).start()
    return await done


async def stop_process(
    process: asyncio.subprocess.Process, seconds: float, number: signal.Signals = signal.SIGTERM
) -> None:
    """Sends a signal, and SIGKILL where the process has not ended after that many seconds."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(number)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


LONGEST_LINE = 500
"""Characters of a line that are logged."""
LAST_LINES_SECONDS = 0.5


class _LoggedLines(asyncio.Protocol):
    def __init__(self, source: str) -> None:
        self._source = source
        self._rest = b""
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        # A program that ends no line must not fill the memory.
        self._rest = rest[: 4 * LONGEST_LINE]
        for line in lines:
            self._log(line)

    def connection_lost(self, error: Exception | None) -> None:
        self._log(self._rest)
        self.ended.set()

    def _log(self, line: bytes) -> None:
        text = "".join(c for c in line.decode("utf-8", "replace") if c.isprintable()).strip()
        if text:
            log.info("%s: %s", self._source, text[:LONGEST_LINE])


@asynccontextmanager
async def logged_lines(source: str) -> AsyncIterator[TextIO]:
    """A file for a child's error output; each line is logged behind the name of its source."""
    reading, writing = os.pipe()
    transport, lines = await asyncio.get_running_loop().connect_read_pipe(
        lambda: _LoggedLines(source), os.fdopen(reading, "rb", buffering=0)
    )
    try:
        with os.fdopen(writing, "w") as file:
            yield file
        # What was written last. Whoever the child has started may keep its end open for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LINES_SECONDS):
                await lines.ended.wait()
    finally:
        transport.close()
