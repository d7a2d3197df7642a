"""Child processes of agents: each in a process group of its own, limited, and ended completely.

A process carries the id of its task in its environment (`APPLIANCE_TASK`). Thereby its descendants
are found even if they left the group, or if the appliance was killed before it could end them.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

MARK = "APPLIANCE_TASK"
GRACE_SECONDS = 2.0  # between SIGTERM and SIGKILL
KILL_SECONDS = 10.0  # the longest wait for processes that hang in the kernel (a lost disk)
READ_SIZE = 65_536

NICENESS: Final = 15
"""On top of the appliance's own, which the unit sets to -5: far behind the engines, at any load."""

# A shell sets the limits in the process itself before it runs the command. So the command never
# runs without them, and no Python code runs in a fork of the appliance with its models.
_LIMITED = """
ulimit -c 0
ulimit -n "$1" 2>/dev/null
ulimit -t "$2" 2>/dev/null
ulimit -d "$3" 2>/dev/null
echo 500 2>/dev/null >/proc/self/oom_score_adj
nice=$4
shift 4
exec nice -n "$nice" "$@"
"""


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Resource limits of a process: open files, CPU time in seconds, memory in megabytes."""

    files: int
    cpu_seconds: int
    memory_mb: int


class ChildProcess:
    """A running process and its descendants. Used once; `end` may be called twice."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        out: asyncio.StreamReader,
        pipe: asyncio.ReadTransport,
        err: IO[bytes],
        mark: str,
    ) -> None:
        self._process = process
        self._out = out
        self._pipe = pipe
        self._err = err
        self._mark = mark

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        directory: Path,
        environ: Mapping[str, str],
        limits: ProcessLimits,
        mark: str,
        err: IO[bytes],
    ) -> "ChildProcess":
        """Starts `command`; its standard error goes to the file `err`. Raises OSError."""
        numbers = (limits.files, limits.cpu_seconds, limits.memory_mb * 1024, NICENESS)
        reading, writing = os.pipe()
        with ExitStack() as undo, os.fdopen(writing, "wb"):
            undo.callback(os.close, reading)
            process = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _LIMITED, "limited", *map(str, numbers), *command),
                cwd=directory,
                env={**environ, MARK: mark},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=err,
                start_new_session=True,
            )
            undo.pop_all()
        out, pipe = await _pipe_reader(reading)
        return cls(process, out, pipe, err, mark)

    async def read(self) -> bytes:
        """The next bytes of its output; empty at the end."""
        return await self._out.read(READ_SIZE)

    async def wait(self) -> int:
        """Waits for its end; returns the exit status, negative if a signal ended it."""
        return await self._process.wait()

    def error_output(self) -> str:
        """The last 2,000 bytes of its standard error."""
        size = self._err.seek(0, os.SEEK_END)
        self._err.seek(max(0, size - 2_000))
        return self._err.read().decode("utf-8", "replace").strip()

    async def end(self) -> None:
        """Ends the process and its descendants; returns when none of them runs any more."""
        group = self._process.pid
        if self._process.returncode is None:
            _signal_group(group, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._process.wait()
        _signal_group(group, signal.SIGKILL)
        await self._process.wait()
        await asyncio.to_thread(end_marked, self._mark)
        # A descendant without the mark may keep the other end open for ever.
        self._pipe.close()


async def _pipe_reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    reader = asyncio.StreamReader(limit=READ_SIZE)
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    file = os.fdopen(descriptor, "rb", buffering=0)
    pipe, _ = await loop.connect_read_pipe(lambda: protocol, file)
    return reader, pipe


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_marked(mark: str) -> int:
    """Kills every process that carries `mark` and returns their number. Blocks; reads /proc."""
    killed: set[int] = set()
    last = time.monotonic() + KILL_SECONDS
    # Repeated until none is left: one may start another between being seen and being killed.
    while (found := set(_marked(mark, last))) and time.monotonic() < last:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
        time.sleep(0.01)
    return len(killed)


def _marked(mark: str, last: float) -> Iterator[int]:
    wanted = f"{MARK}={mark}".encode()
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or int(directory.name) == os.getpid():
            continue
        with suppress(OSError):
            # A zombie has no environment any more.
            if wanted in _environment(directory, last).split(b"\0"):
                yield int(directory.name)


def _environment(process: Path, last: float) -> bytes:
    """The environment of a process; waits while it is between two programs (exec) and has none."""
    while not (found := (process / "environ").read_bytes()) and _has_environment(process):
        if time.monotonic() > last:
            break
        time.sleep(0.001)
    return found


def _has_environment(process: Path) -> bool:
    """Whether a process that showed no environment has one by now, or is about to get it.

    Raises OSError if the process has no program: a kernel thread, or a zombie.
    """
    (process / "exe").readlink()
    fields = (process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
    begin, end = fields[47:49]  # env_start and env_end; see proc(5)
    return end == "0" or begin != end
