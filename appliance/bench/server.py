"""A server under measurement: a process of its own, looked at from outside."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.bench.loop_probe import LoopStall, readings

STOP_SECONDS = 20.0  # the daemon's own bound is the drain and five seconds
KEPT_LINES = 30
KB = 1 << 10


@dataclass(slots=True)
class ServerProcess:
    """A process whose event loop writes to `probe` (see `probed`) whenever it was busy.

    `base_url` is empty where it ended before it listened; `log` is the end of what it wrote.
    """

    process: asyncio.subprocess.Process
    probe: Path
    base_url: str = ""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))

    def resident_bytes(self) -> int:
        pages = int(self._proc("statm").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def private_bytes(self) -> int:
        """Memory that would be free without it: what it shares with other processes is not in."""
        lines = (line.partition(":") for line in self._proc("smaps_rollup").splitlines())
        sizes = {name: value.split()[0] for name, _, value in lines if value.endswith("kB")}
        return (int(sizes["Private_Clean"]) + int(sizes["Private_Dirty"])) * KB

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        # The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def busy(self, since: float, until: float) -> list[LoopStall]:
        """When its event loop stood still for more than a moment, between two monotonic times."""
        told = self.probe.read_text(encoding="ascii")
        return [busy for busy in readings(told) if since <= busy.begin < until]

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text(
            encoding="ascii", errors="replace"
        )


async def start(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], probe: Path
) -> asyncio.subprocess.Process:
    """`python -m module arguments` with a probe in its event loop."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance.bench.loop_probe", str(probe), module, *arguments),
        env=environ,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def listening(server: ServerProcess) -> AsyncIterator[asyncio.Event]:
    """An event that is set when the server listens or has ended; stops it at the end."""
    heard = asyncio.Event()
    reading = asyncio.create_task(_read_log(server, heard))
    try:
        yield heard
    finally:
        await stop(server.process, STOP_SECONDS)
        await reading


async def _read_log(server: ServerProcess, heard: asyncio.Event) -> None:
    assert server.process.stderr is not None
    async for line in server.process.stderr:
        server.log.append(line.decode(errors="replace"))
        if found := re.search(r"listening on (http://\S+)", server.log[-1]):
            server.base_url = found[1]
            heard.set()
    heard.set()


async def stop(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Ends it, by force where it has not ended after that many seconds."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
