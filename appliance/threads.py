"""Blocking work beside the event loop, on threads that nothing waits for at the end."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def aside(job: Callable[[], T]) -> T:
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

    threading.Thread(target=work, name="aside", daemon=True).start()
    return await done
