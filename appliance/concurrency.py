"""Runs work beside the event loop and beside the caller: background tasks and daemon threads."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

T = TypeVar("T")


class BackgroundTasks:
    """Jobs nobody waits for. For one event loop."""

    def __init__(self) -> None:
        self._jobs: set[asyncio.Task[None]] = set()

    def run(self, job: Coroutine[Any, Any, None], name: str) -> None:
        """Starts a job; `name` completes "could not ..." where it fails."""
        task = asyncio.create_task(job, name=name)
        self._jobs.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._jobs.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ApplianceError):
            log.error("could not %s: %s %s", task.get_name(), error.message, error.advice)
        elif error is not None:
            log.error("could not %s", task.get_name(), exc_info=error)

    async def finish(self, seconds: float) -> None:
        """Returns when all are done; what is not by then is cancelled."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=seconds)
        await self.cancel()

    async def cancel(self) -> None:
        """Returns when none runs any more."""
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def run_in_daemon_thread(job: Callable[[], T]) -> T:
    """The result of `job`, or what it raised.

    Unlike `asyncio.to_thread`, a job that hangs for ever (a dead network disk, a sensor) keeps
    neither a time limit nor the end of the program from being reached: its thread is left behind.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        if not done.done():
            settle()

    def work() -> None:
        try:
            result = job()
        except BaseException as error:  # noqa: BLE001  handed over to whoever waits
            raised = error
            settle: Callable[[], None] = lambda: done.set_exception(raised)  # noqa: E731
        else:
            settle = lambda: done.set_result(result)  # noqa: E731
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(tell, settle)

    threading.Thread(target=work, name="daemon-thread", daemon=True).start()
    return await done
