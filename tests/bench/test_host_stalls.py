"""The machine's own pauses, told apart from a program's."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from appliance.bench import host_stalls


def test_a_process_that_is_kept_from_running_tells_for_how_long() -> None:
    processor = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-m", "appliance.bench.host_stalls", str(processor)],
        stdout=subprocess.PIPE,
    ) as process:
        try:
            while True:  # until it was stopped in the middle of its watching
                # It needs its time to begin, and between two stops: a processor that this very
                # test may have.
                while not sleeps(process.pid, processor):
                    os.sched_yield()
                stop_for(process, 0.2)
                if any(seconds >= 0.15 for seconds in told(process)):
                    return
        finally:
            process.kill()


def sleeps(pid: int, processor: int) -> bool:
    """Whether it has begun to watch its processor, and waits for the next look at the clock."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "S" and os.sched_getaffinity(pid) == {processor}


def stop_for(process: subprocess.Popen[bytes], seconds: float) -> None:
    begin = time.monotonic()
    process.send_signal(signal.SIGSTOP)
    while time.monotonic() < begin + seconds:
        pass
    process.send_signal(signal.SIGCONT)


def told(process: subprocess.Popen[bytes]) -> list[float]:
    """What it says within a second; each line is written at once."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 1.0)
    said = os.read(process.stdout.fileno(), 65_536) if ready else b""
    return [float(line) for line in said.split()]


async def test_all_processors_are_watched_and_left_alone_afterwards() -> None:
    async with host_stalls.watched() as seen:
        assert seen.longest >= 0.0
        async with asyncio.timeout(10):  # they may be changing programs
            while len(children()) != len(os.sched_getaffinity(0)):  # noqa: ASYNC110
                await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while children():  # noqa: ASYNC110  the kernel tells
            await asyncio.sleep(0)


def children() -> list[str]:
    """The watchers among this process's children."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "appliance.bench.host_stalls"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.split()
