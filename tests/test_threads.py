"""A sensor that hangs for ever keeps the appliance from nothing, not even from ending."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from appliance.engines.memory_governor import Governor, Told
from appliance.threads import aside
from appliance.tools.builtin.device import device_tool
from tests.tools.conftest import Session

Reader = Callable[[], Any]


async def watch_memory(read: Reader) -> None:
    told = Told(lambda *_: None, lambda _: None)
    await Governor(read, lambda: None, lambda: True, told).run()


async def ask_the_device(read: Reader) -> None:
    await device_tool(read).run({}, Session())


@pytest.mark.parametrize("use", [aside, watch_memory, ask_the_device])
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
