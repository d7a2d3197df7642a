"""The machine's own pauses, told apart from a program's."""

import asyncio
import os
import signal
import subprocess
import sys
import time

from appliance.bench import pauses


def test_a_process_that_is_kept_from_running_tells_for_how_long() -> None:
    processor = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-m", "appliance.bench.pauses", str(processor)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            while True:  # until it was stopped in the middle of its watching
                begin = time.monotonic()
                process.send_signal(signal.SIGSTOP)
                while time.monotonic() < begin + 0.2:
                    pass
                process.send_signal(signal.SIGCONT)
                os.set_blocking(process.stdout.fileno(), False)
                if any(float(line) >= 0.15 for line in process.stdout):
                    return
        finally:
            process.kill()


async def test_all_processors_are_watched_and_left_alone_afterwards() -> None:
    async with pauses.watched() as seen:
        assert seen.longest >= 0.0
        watching = children()
        assert len(watching) == len(os.sched_getaffinity(0))
    async with asyncio.timeout(10):
        while children():  # noqa: ASYNC110  the kernel tells
            await asyncio.sleep(0)


def children() -> list[str]:
    """The watchers among this process's children."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "appliance.bench.pauses"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.split()
