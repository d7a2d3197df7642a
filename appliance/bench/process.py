"""The appliance under measurement: a process of its own on a free port, with a state of its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from appliance.bench.server import ServerProcess, listening, start
from appliance.config.loader import PREFIX
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    import aiohttp

START_SECONDS = 180.0  # a large model from a slow disk

_OVERRIDES = {
    "SERVER__HOST": "127.0.0.1",
    "SERVER__PORT": "0",
    "SERVER__LISTEN": "",
    "ACCESS__MODE": "open",
    "ACCESS__SESSIONS_PER_MINUTE": "6000",
    # The same sentences come again and again; what is measured is synthesis, not memory.
    "TTS__PHRASE_CACHE_MB": "0",
}


@dataclass(kw_only=True, slots=True)
class DaemonProcess(ServerProcess):
    """A running appliance; `health` is what it said of itself when it was ready."""

    http: "aiohttp.ClientSession"
    database: Path
    health: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engines(self) -> dict[str, str]:
        """The engines that answer, by kind."""
        return {kind: str(state["name"]) for kind, state in self.health["engines"].items()}

    def refuse_retreat(self) -> None:
        """Figures of an engine that took over from the one to be measured would mislead.

        Raises ApplianceError where that happened.
        """
        for kind, state in self.health["engines"].items():
            wanted = state["ladder"][0]
            if wanted["state"] == "failed":
                raise ApplianceError(
                    f"{kind} engine {wanted['name']} cannot be measured: {wanted.get('error')}",
                    advice=str(wanted.get("advice", "")),
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
) -> AsyncIterator[DaemonProcess]:
    """An appliance that is ready, from `files` and `environ` with `settings` over both.

    `settings` are keys as in the environment, without the prefix. Raises ApplianceError with the
    end of its log where it does not become ready.
    """
    import aiohttp  # here, because importing the bench loads nothing heavy

    with TemporaryDirectory(prefix="appliance-bench-") as state:
        database = Path(state) / "voice_conversations.db"
        overrides = {**_OVERRIDES, "STORE__PATH": str(database), **settings}
        arguments = [argument for file in files for argument in ("--config", str(file))]
        told = {**environ, **{PREFIX + key: value for key, value in overrides.items()}}
        probe = Path(state) / "probe"
        process = await start("appliance", ["run", *arguments], told, probe)
        async with aiohttp.ClientSession() as http:
            daemon = DaemonProcess(process=process, probe=probe, http=http, database=database)
            async with listening(daemon) as heard:
                await _until_ready(daemon, heard)
                yield daemon


async def _until_ready(daemon: DaemonProcess, heard: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await heard.wait()
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
