"""Background tasks run to their end and report failures; a hung daemon thread holds nothing up."""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from appliance.concurrency import BackgroundTasks, run_in_daemon_thread, stop_process
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


SLEEPS = "print('ready', flush=True); import time; time.sleep(60)"
IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("program", "seconds", "number", "status"),
    [
        (SLEEPS, 30.0, signal.SIGTERM, -signal.SIGTERM),
        (SLEEPS, 30.0, signal.SIGUSR1, -signal.SIGUSR1),
        (IGNORES_SIGTERM, 0.1, signal.SIGTERM, -signal.SIGKILL),
        ("print('ready', flush=True)", 30.0, signal.SIGTERM, 0),
    ],
)
async def test_a_process_is_stopped_by_force_where_it_ignores_the_signal(
    program: str, seconds: float, number: signal.Signals, status: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert await process.stdout.readline() == b"ready\n"
    if status == 0:
        await process.wait()
    await stop_process(process, seconds, number)
    assert process.returncode == status
    await stop_process(process, seconds)  # a second time does nothing
