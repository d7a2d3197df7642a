"""Runs a module, as `python -m` does, and records the long iterations of its event loop.

    python -m appliance.bench.loop_probe FILE MODULE ARGUMENTS…

Between two polls of its sockets an event loop runs the callbacks that are ready, and everything
else waits. The selector sees both ends of that stretch, and it is an argument of the loop, so the
measured module runs unchanged. A line of FILE holds a time on the monotonic clock, which all
processes of a machine share, and three durations in seconds; see `LoopIteration`.
"""

import asyncio
import os
import runpy
import selectors
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIN_SECONDS = 0.001  # a shorter iteration is no stall, and recording it would cost as much


@dataclass(frozen=True, slots=True)
class LoopIteration:
    """One stretch of callbacks: seconds by the clock, on a processor, and waiting for one."""

    begin: float
    wall: float
    cpu: float
    waited: float

    @property
    def stall(self) -> float:
        """Seconds for which the loop itself, and no other process, delayed what was ready."""
        return max(0.0, self.wall - self.waited)


def parse_iterations(recorded: str) -> Iterator[LoopIteration]:
    """The iterations in a probe's file, without an incomplete last line. Pure."""
    for line in recorded.splitlines(keepends=True):
        if line.endswith("\n"):
            yield LoopIteration(*map(float, line.split()))


class _ProbeSelector(selectors.EpollSelector):
    """A selector that records to a file descriptor how long its loop was away from it."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file
        self._left: tuple[float, float, float] | None = None
        self._schedule = -1

    def select(self, timeout: float | None = None) -> Any:  # noqa: ANN401  as the loop takes it
        if self._left is not None:
            self._record(*self._left)
        else:
            # Only at the first poll is it certain which thread runs this loop.
            self._schedule = _schedstat()
        ready = super().select(timeout)
        self._left = (time.monotonic(), time.thread_time(), _waited(self._schedule))
        return ready

    def _record(self, begin: float, cpu: float, waited: float) -> None:
        wall = time.monotonic() - begin
        if wall > MIN_SECONDS:
            cpu, waited = time.thread_time() - cpu, _waited(self._schedule) - waited
            line = f"{begin:.6f} {wall:.6f} {cpu:.6f} {waited:.6f}\n"
            os.write(self._file, line.encode("ascii"))


def _schedstat() -> int:
    """The thread's scheduler statistics as a descriptor; -1 where the kernel keeps none."""
    path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
    return os.open(path, os.O_RDONLY) if Path(path).exists() else -1


def _waited(schedule: int) -> float:
    """Seconds for which the thread has been runnable without running."""
    return int(os.pread(schedule, 64, 0).split()[1]) / 1e9 if schedule >= 0 else 0.0


class _ProbedLoopPolicy(asyncio.DefaultEventLoopPolicy):
    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(_ProbeSelector(self._file))


def main() -> None:
    """Runs MODULE with a probe in every event loop that it makes."""
    probe, module, *arguments = sys.argv[1:]
    file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    asyncio.set_event_loop_policy(_ProbedLoopPolicy(file))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
