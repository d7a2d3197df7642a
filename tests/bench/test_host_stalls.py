"""Stalls of the machine itself, measured by idle processes."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from appliance.bench import host_stalls


def test_a_process_that_is_stopped_reports_for_how_long() -> None:
    processor = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-m", "appliance.bench.host_stalls", str(processor)],
        stdout=subprocess.PIPE,
    ) as process:
        try:
            while True:  # until it was stopped in the middle of its sleep
                # It needs processor time before its first sleep and between two stops, on a
                # processor that this test may occupy.
                while not sleeps(process.pid, processor):
                    os.sched_yield()
                stop_for(process, 0.2)
                if any(seconds >= 0.15 for seconds in reported(process)):
                    return
        finally:
            process.kill()


def sleeps(pid: int, processor: int) -> bool:
    """Whether it is pinned to its processor and sleeps."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "S" and os.sched_getaffinity(pid) == {processor}


def stop_for(process: subprocess.Popen[bytes], seconds: float) -> None:
    begin = time.monotonic()
    process.send_signal(signal.SIGSTOP)
    while time.monotonic() < begin + seconds:
        pass
    process.send_signal(signal.SIGCONT)


def reported(process: subprocess.Popen[bytes]) -> list[float]:
    """The stalls that it reports within a second; each line is written at once."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 1.0)
    output = os.read(process.stdout.fileno(), 65_536) if ready else b""
    return [float(line) for line in output.split()]


async def test_every_processor_has_a_watcher_until_the_context_ends() -> None:
    async with host_stalls.watch_host() as seen:
        assert seen.longest >= 0.0
        async with asyncio.timeout(10):  # a new process may not have executed its program yet
            while len(children()) != len(os.sched_getaffinity(0)):  # noqa: ASYNC110
                await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while children():  # noqa: ASYNC110  only the kernel knows
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
