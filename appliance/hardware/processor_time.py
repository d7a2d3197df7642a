"""Processor time: what threads of this process got of the processors, and how contended these are.

The files are those of Linux. A kernel that does not keep them is no error: what it does not say is
None, and callers go by the wall clock then.
"""

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.hardware import sysfs

_TASKS: Final = Path("proc/self/task")
CONTENDED: Final = 0.5
"""Share of time in which something waits for a processor; a busy machine stays well below it."""
_LONGEST_NAME: Final = 15
"""Bytes of a thread's name that the kernel keeps."""


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Seconds, summed over threads: spent computing, and spent ready but without a processor."""

    computing: float = 0.0
    waiting: float = 0.0


class ThreadFamily:
    """A thread, and the threads that it starts, which inherit its name from it.

    Native libraries start threads of their own, of which Python knows nothing. The kernel gives
    each the name of the thread that started it, so a name that is unique in the process finds all
    of them. `root` is where the machine's files are.
    """

    def __init__(self, name: str, root: Path = Path("/")) -> None:
        self.name = name.encode()[:_LONGEST_NAME].decode(errors="ignore").strip()
        self._tasks = root / _TASKS
        # Names are read once for each thread: nobody renames them.
        self._is_member: dict[str, bool] = {}

    def adopt_current_thread(self) -> None:
        """Gives the calling thread the name of the family; `top -H` shows it as well."""
        if threading.get_native_id() == os.getpid():
            return  # The name of the first thread is that of the process.
        # Without it the wall clock judges, so that a sandbox may forbid it.
        with contextlib.suppress(OSError):
            (self._tasks / str(threading.get_native_id()) / "comm").write_text(self.name)

    def processor_time(self) -> ProcessorTime | None:
        """What the family has got since its threads began; None where the kernel does not say."""
        try:
            present = os.listdir(self._tasks)  # noqa: PTH208  names, without a Path for each
        except OSError:
            return None
        known = self._is_member
        self._is_member = {
            task: known[task] if task in known else self._has_name(task) for task in present
        }
        members = [task for task, is_member in self._is_member.items() if is_member]
        readings = [_schedstat(self._tasks / task / "schedstat") for task in members]
        found = [reading for reading in readings if reading is not None]
        if not found:
            return None
        return ProcessorTime(
            sum(reading.computing for reading in found), sum(reading.waiting for reading in found)
        )

    def _has_name(self, task: str) -> bool:
        return sysfs.text(self._tasks / task / "comm") == self.name


def _schedstat(file: Path) -> ProcessorTime | None:
    """Nanoseconds on a processor and in a run queue, and a count of time slices."""
    fields = sysfs.text(file).split()
    if len(fields) < 2 or not (fields[0].isdigit() and fields[1].isdigit()):
        return None
    return ProcessorTime(int(fields[0]) / 1e9, int(fields[1]) / 1e9)


def processor_pressure(root: Path = Path("/")) -> float | None:
    """The share of the last 10 s in which something was ready to run and had no processor.

    None where the kernel does not measure pressure.
    """
    for line in sysfs.text(root / "proc/pressure/cpu").splitlines():
        kind, *fields = line.split()
        values = dict(field.partition("=")[::2] for field in fields)
        if kind == "some" and "avg10" in values:
            return _share(values["avg10"])
    return None


def processors_are_contended(root: Path = Path("/")) -> bool:
    """Whether something waits for a processor most of the time."""
    return (processor_pressure(root) or 0.0) > CONTENDED


def _share(percent: str) -> float | None:
    try:
        return float(percent) / 100
    except ValueError:
        return None
