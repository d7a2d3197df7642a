"""Runs a module, as `python -m` does, and notes whenever its event loop stood still.

    python -m appliance.bench.probed FILE MODULE ARGUMENTS…

Between two looks at its sockets an event loop runs what is ready; all others wait for that to
end. The selector is the one place that both sides of a look pass, and it is an argument of the
loop, so that what is measured runs unchanged. A line of FILE is a time on the monotonic clock,
which all processes of a machine share, and three durations in seconds; see `Busy`.
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

LEAST_SECONDS = 0.001  # shorter is no stall, and writing it down would cost as much


@dataclass(frozen=True, slots=True)
class LoopStall:
    """One stretch: by the clock, on a processor, and runnable but waiting for one."""

    begin: float
    wall: float
    cpu: float
    waited: float

    @property
    def stall(self) -> float:
        """Seconds that others had to wait for this loop, and not for another process."""
        return max(0.0, self.wall - self.waited)


def readings(told: str) -> Iterator[LoopStall]:
    """What a probe wrote, without a last line that it is still writing. Pure."""
    for line in told.splitlines(keepends=True):
        if line.endswith("\n"):
            yield LoopStall(*map(float, line.split()))


class _Probe(selectors.EpollSelector):
    """A selector that writes down how long its loop was away, to a file descriptor."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file
        self._left: tuple[float, float, float] | None = None
        self._schedule = -1

    def select(self, timeout: float | None = None) -> Any:  # noqa: ANN401  as the loop takes it
        if self._left is not None:
            self._note(*self._left)
        else:
            # Here, because only now it is known which thread turns this loop.
            self._schedule = _schedstat()
        ready = super().select(timeout)
        self._left = (time.monotonic(), time.thread_time(), _waited(self._schedule))
        return ready

    def _note(self, begin: float, cpu: float, waited: float) -> None:
        wall = time.monotonic() - begin
        if wall > LEAST_SECONDS:
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


class _Loops(asyncio.DefaultEventLoopPolicy):
    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(_Probe(self._file))


def main() -> None:
    """The command line above."""
    probe, module, *arguments = sys.argv[1:]
    file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    asyncio.set_event_loop_policy(_Loops(file))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
