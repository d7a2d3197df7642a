"""The appliance under measurement: a process of its own on a free port, with a state of its own."""

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
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.config import PREFIX
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    import aiohttp

START_SECONDS = 180.0  # a large model from a slow disk
STOP_SECONDS = 20.0  # the daemon's own bound is the drain and five seconds
KEPT_LINES = 30

_OVERRIDES = {
    "SERVER__HOST": "127.0.0.1",
    "SERVER__PORT": "0",
    "SERVER__LISTEN": "",
    "ACCESS__MODE": "open",
    "ACCESS__SESSIONS_PER_MINUTE": "6000",
    # The same sentences come again and again; what is measured is synthesis, not memory.
    "TTS__PHRASE_CACHE_MB": "0",
}


@dataclass(slots=True)
class Daemon:
    """A running appliance; `health` is what it said of itself when it was ready."""

    process: asyncio.subprocess.Process
    http: "aiohttp.ClientSession"
    database: Path
    base_url: str = ""
    health: Mapping[str, Any] = field(default_factory=dict)
    log: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))

    @property
    def engines(self) -> dict[str, str]:
        """The engines that answer, by kind."""
        return {kind: str(state["name"]) for kind, state in self.health["engines"].items()}

    def resident_bytes(self) -> int:
        pages = int(self._proc("statm").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        # The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text(
            encoding="ascii", errors="replace"
        )

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by name with labels as they stand there."""
        async with self.http.get(f"{self.base_url}/metrics") as answer:
            return samples(await answer.text())


def samples(text: str) -> dict[str, float]:
    """The samples of Prometheus' text format."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    pairs = (line.rpartition(" ") for line in lines)
    return {name: float(value) for name, _, value in pairs}


@asynccontextmanager
async def running(
    files: Sequence[Path], environ: Mapping[str, str], settings: Mapping[str, str]
) -> AsyncIterator[Daemon]:
    """An appliance that is ready, from `files` and `environ` with `settings` over both.

    `settings` are keys as in the environment, without the prefix. Raises ApplianceError with the
    end of its log where it does not become ready.
    """
    import aiohttp  # here, because importing the bench loads nothing heavy

    with TemporaryDirectory(prefix="appliance-bench-") as state:
        database = Path(state) / "voice_conversations.db"
        overrides = {**_OVERRIDES, "STORE__PATH": str(database), **settings}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "appliance", "run"),
            *(argument for file in files for argument in ("--config", str(file))),
            env={**environ, **{PREFIX + key: value for key, value in overrides.items()}},
            stderr=asyncio.subprocess.PIPE,
        )
        async with aiohttp.ClientSession() as http:
            daemon = Daemon(process, http, database)
            listening = asyncio.Event()
            reading = asyncio.create_task(_read_log(daemon, listening))
            try:
                await _until_ready(daemon, listening)
                yield daemon
            finally:
                await _stop(process)
                await reading


async def _read_log(daemon: Daemon, listening: asyncio.Event) -> None:
    assert daemon.process.stderr is not None
    async for line in daemon.process.stderr:
        daemon.log.append(line.decode(errors="replace"))
        if found := re.search(r"listening on (http://\S+)", daemon.log[-1]):
            daemon.base_url = found[1]
            listening.set()
    listening.set()


async def _until_ready(daemon: Daemon, listening: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await listening.wait()
            while daemon.base_url and daemon.process.returncode is None:
                async with daemon.http.get(f"{daemon.base_url}/health") as answer:
                    daemon.health = await answer.json()
                if daemon.health["ready"]:
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    raise ApplianceError(
        f"the appliance to be measured did not become ready:\n{''.join(daemon.log)}"
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
