"""Background tasks run to their end and report failures; a hung daemon thread holds nothing up."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from appliance.concurrency import BackgroundTasks, run_in_daemon_thread
from appliance.engines.memory_governor import GovernorMetrics, MemoryGovernor
from appliance.errors import StoreError
from appliance.tools.builtin.device import device_tool
from tests.tools.conftest import Session


async def _fails(error: Exception) -> None:
    raise error


async def test_what_fails_is_told_with_its_advice(caplog: pytest.LogCaptureFixture) -> None:
    background = BackgroundTasks()
    full = StoreError("the disk is full", advice="Make room.")
    with caplog.at_level(logging.ERROR):
        background.run(_fails(full), "forget c1")
        background.run(_fails(ZeroDivisionError()), "ring a timer")
        await background.finish(10)
    assert "could not forget c1: the disk is full Make room." in caplog.text
    assert "could not ring a timer" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_what_is_under_way_at_the_end_is_finished() -> None:
    background, go, done = BackgroundTasks(), asyncio.Event(), list[str]()

    async def forget() -> None:
        await go.wait()
        done.append("forgotten")

    background.run(forget(), "forget")
    finishing = asyncio.create_task(background.finish(10))
    await asyncio.sleep(0)
    go.set()
    await finishing
    assert done == ["forgotten"]


async def test_what_does_not_end_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    background, ended = BackgroundTasks(), list[str]()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    background.run(endless(), "wait")
    await asyncio.sleep(0)
    await background.finish(0)
    assert ended == ["ended"]
    assert caplog.text == ""


Reader = Callable[[], Any]


async def watch_memory(read: Reader) -> None:
    told = GovernorMetrics(lambda *_: None, lambda _: None)
    await MemoryGovernor(read, lambda: None, lambda: True, told).run()


async def ask_the_device(read: Reader) -> None:
    await device_tool(read).run({}, Session())


@pytest.mark.parametrize("use", [run_in_daemon_thread, watch_memory, ask_the_device])
def test_a_program_ends_while_a_sensor_hangs(use: Callable[[Reader], Awaitable[Any]]) -> None:
    reading, thaw = asyncio.Event(), threading.Event()

    async def use_and_leave() -> None:
        loop = asyncio.get_running_loop()

        def read() -> None:
            loop.call_soon_threadsafe(reading.set)
            thaw.wait()

        using = asyncio.ensure_future(use(read))
        await reading.wait()
        using.cancel()

    program = threading.Thread(target=asyncio.run, args=(use_and_leave(),), daemon=True)
    program.start()
    program.join(20)
    ended = not program.is_alive()
    thaw.set()
    assert ended
