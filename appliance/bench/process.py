"""Starts a server under measurement as a process of its own, and observes it from outside."""

import asyncio
import os
import re
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.bench.loop_probe import LoopIteration, parse_iterations
from appliance.concurrency import stop_process
from appliance.config.layers import PREFIX
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    import aiohttp

START_SECONDS = 180.0  # a large model from a slow disk
STOP_SECONDS = 20.0  # the daemon's own limit is the drain and five seconds
LOG_LINES = 30
KB = 1 << 10

_OVERRIDES = {
    "SERVER__HOST": "127.0.0.1",
    "SERVER__PORT": "0",
    "SERVER__LISTEN": "",
    "ACCESS__MODE": "open",
    "ACCESS__SESSIONS_PER_MINUTE": "6000",
    # The same sentences come again and again, and the benchmark measures synthesis, not a cache.
    "TTS__PHRASE_CACHE_MB": "0",
}


@dataclass(slots=True)
class ServerProcess:
    """A process whose event loop records its long iterations in `probe` (see `loop_probe`).

    `base_url` is empty until the process listens, and for one that ended before it listened;
    `log` is the end of its standard error.
    """

    process: asyncio.subprocess.Process
    probe: Path
    base_url: str = ""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))

    def resident_bytes(self) -> int:
        return resident_bytes(self.process.pid)

    def private_bytes(self) -> int:
        """The memory that its end would free, without what it shares with other processes."""
        lines = (line.partition(":") for line in self._proc("smaps_rollup").splitlines())
        sizes = {name: value.split()[0] for name, _, value in lines if value.endswith("kB")}
        return (int(sizes["Private_Clean"]) + int(sizes["Private_Dirty"])) * KB

    def cpu_seconds(self) -> float:
        """The processor time of all its threads so far."""
        # The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def loop_iterations(self, since: float, until: float) -> list[LoopIteration]:
        """The long iterations of its event loop that began between two monotonic times."""
        recorded = self.probe.read_text(encoding="ascii")
        return [one for one in parse_iterations(recorded) if since <= one.begin < until]

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text(
            encoding="ascii", errors="replace"
        )


@dataclass(kw_only=True, slots=True)
class DaemonProcess(ServerProcess):
    """A running appliance; `health` is the body of /health when it became ready, or later."""

    http: "aiohttp.ClientSession"
    database: Path
    health: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engines(self) -> dict[str, str]:
        """The names of the active engines, by kind."""
        return {kind: str(state["name"]) for kind, state in self.health["engines"].items()}

    def require_first_choice(self) -> None:
        """Raises ApplianceError where the first engine of a ladder failed.

        Figures of the engine that took over would pass for those of the one to be measured.
        """
        for kind, state in self.health["engines"].items():
            slot = state["ladder"][0]
            if slot["state"] == "failed":
                raise ApplianceError(
                    f"{kind} engine {slot['name']} cannot be measured: {slot.get('error')}",
                    advice=str(slot.get("advice", "")),
                )

    async def refresh_health(self) -> None:
        """Reads /health anew."""
        async with self.http.get(f"{self.base_url}/health") as response:
            self.health = await response.json()

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by name and labels as they appear there."""
        async with self.http.get(f"{self.base_url}/metrics") as response:
            return parse_samples(await response.text())


def resident_bytes(pid: int) -> int:
    """The memory that a process has in use. Raises OSError where it has ended."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def parse_samples(text: str) -> dict[str, float]:
    """The samples of Prometheus' text format."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    pairs = (line.rpartition(" ") for line in lines)
    return {name: float(value) for name, _, value in pairs}


@asynccontextmanager
async def running_daemon(
    files: Sequence[Path], environ: Mapping[str, str], settings: Mapping[str, str]
) -> AsyncIterator[DaemonProcess]:
    """An appliance that is ready, on a free port and with a state directory of its own.

    Its configuration is `files` and `environ`, overridden by `settings`, whose keys are as in the
    environment without the prefix. Raises ApplianceError with the end of its log where it does
    not become ready.
    """
    import aiohttp  # here, because importing the bench loads nothing heavy

    with TemporaryDirectory(prefix="appliance-bench-") as state:
        database = Path(state) / "voice_conversations.db"
        overrides = {**_OVERRIDES, "STORE__PATH": str(database), **settings}
        arguments = [argument for file in files for argument in ("--config", str(file))]
        environment = {**environ, **{PREFIX + key: value for key, value in overrides.items()}}
        probe = Path(state) / "probe"
        process = await start_probed("appliance", ["run", *arguments], environment, probe)
        async with aiohttp.ClientSession() as http:
            daemon = DaemonProcess(process=process, probe=probe, http=http, database=database)
            async with listening(daemon) as started:
                await _until_ready(daemon, started)
                yield daemon


async def _until_ready(daemon: DaemonProcess, started: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await started.wait()
            while daemon.base_url and daemon.process.returncode is None:
                await daemon.refresh_health()
                if daemon.health["ready"]:
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    raise ApplianceError(
        f"the appliance to be measured did not become ready:\n{''.join(daemon.log)}"
    )


async def start_probed(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], probe: Path
) -> asyncio.subprocess.Process:
    """Runs `python -m module arguments` with a probe in its event loop that writes to `probe`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "appliance.bench.loop_probe", str(probe), module, *arguments),
        env=environ,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def listening(server: ServerProcess) -> AsyncIterator[asyncio.Event]:
    """An event that is set once the server listens or has ended; stops the server at the end."""
    started = asyncio.Event()
    reading = asyncio.create_task(_read_log(server, started))
    try:
        yield started
    finally:
        await stop_process(server.process, STOP_SECONDS)
        await reading


async def _read_log(server: ServerProcess, started: asyncio.Event) -> None:
    assert server.process.stderr is not None
    async for line in server.process.stderr:
        server.log.append(line.decode(errors="replace"))
        if found := re.search(r"listening on (http://\S+)", server.log[-1]):
            server.base_url = found[1]
            started.set()
    started.set()
