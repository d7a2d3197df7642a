"""For how long the machine itself stood still, so that nobody is blamed for it.

    python -m appliance.bench.pauses PROCESSOR

A virtual machine's processor can be taken away for a second, and a disk that is written to can
hold up all of it. A process can't tell that from work of its own that took long; one that does
nothing can. So one such process sits on every processor while something is measured.
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
LEAST_SECONDS = 0.002  # below it is what a timer of the kernel takes


@dataclass(slots=True)
class HostStalls:
    """`longest`: in seconds, of any processor, since this has been watched."""

    longest: float = 0.0


@asynccontextmanager
async def watched() -> AsyncIterator[HostStalls]:
    """Watches all processors that this process may use."""
    pauses = HostStalls()
    async with AsyncExitStack() as stack:
        for processor in sorted(os.sched_getaffinity(0)):
            await stack.enter_async_context(_watched(processor, pauses))
        yield pauses


@asynccontextmanager
async def _watched(processor: int, pauses: HostStalls) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance.bench.host_stalls", str(processor)),
        stdout=asyncio.subprocess.PIPE,
    )
    reading = asyncio.create_task(_read(process, pauses))
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _read(process: asyncio.subprocess.Process, pauses: HostStalls) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        pauses.longest = max(pauses.longest, float(line))


def main() -> None:
    """The command line above: prints every pause, in seconds, until its parent ends."""
    os.sched_setaffinity(0, {int(sys.argv[1])})
    parent = os.getppid()
    with run_queue_wait() as waited:
        while os.getppid() == parent:
            begin, before = time.monotonic(), waited()
            time.sleep(SLEEP_SECONDS)
            late = time.monotonic() - begin - SLEEP_SECONDS - (waited() - before)
            if late > LEAST_SECONDS:
                print(f"{late:.6f}", flush=True)  # noqa: T201  its parent reads it


if __name__ == "__main__":
    main()
