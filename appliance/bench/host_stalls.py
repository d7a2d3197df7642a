"""Measures how long the machine itself stood still, so that no program is blamed for it.

    python -m appliance.bench.host_stalls PROCESSOR

A hypervisor can take a processor away for a second, and a disk that is written to can hold up the
whole machine. A busy process cannot distinguish that from its own work; an idle one can. While
something is measured, one idle process is therefore pinned to every processor.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from appliance.observability.watchdog import run_queue_wait

SLEEP_SECONDS = 0.005
MIN_SECONDS = 0.002  # below it, the kernel's timer is just inaccurate


@dataclass(slots=True)
class HostStalls:
    """`longest` is the longest stall of any processor since watching began, in seconds."""

    longest: float = 0.0


@asynccontextmanager
async def watch_host() -> AsyncIterator[HostStalls]:
    """Watches all processors that this process may use, for as long as the context lasts."""
    stalls = HostStalls()
    async with AsyncExitStack() as stack:
        for processor in sorted(os.sched_getaffinity(0)):
            await stack.enter_async_context(_watch_processor(processor, stalls))
        yield stalls


@asynccontextmanager
async def _watch_processor(processor: int, stalls: HostStalls) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance.bench.host_stalls", str(processor)),
        stdout=asyncio.subprocess.PIPE,
    )
    reading = asyncio.create_task(_record_lines(process, stalls))
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _record_lines(process: asyncio.subprocess.Process, stalls: HostStalls) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        stalls.longest = max(stalls.longest, float(line))


def main() -> None:
    """Prints every stall of one processor, in seconds, until the parent process ends."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    parent = os.getppid()
    with run_queue_wait() as waited:
        while os.getppid() == parent:
            begin, before = time.monotonic(), waited()
            time.sleep(SLEEP_SECONDS)
            late = time.monotonic() - begin - SLEEP_SECONDS - (waited() - before)
            if late > MIN_SECONDS:
                print(f"{late:.6f}", flush=True)  # noqa: T201  read by the parent


if __name__ == "__main__":
    main()
