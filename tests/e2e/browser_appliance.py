"""Runs the appliance as a person does, by `./install.sh run`, up to the pairing code."""

import asyncio
import contextlib
import os
import re
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from appliance.store import queries
from appliance.store.records import Conversation
from tests.install.shell import INSTALL, ROOT, free_ports, hear_signals

# The first run of a checkout installs packages, which takes minutes.
INSTALL_SECONDS = 600.0


@dataclass(frozen=True)
class Place:
    """The state and the ports of an appliance, which outlive a process."""

    directory: Path
    https: int
    http: int
    port: int

    @classmethod
    def new(cls, directory: Path) -> "Place":
        return cls(directory, *free_ports(3))

    @property
    def address(self) -> str:
        return f"https://localhost:{self.https}"

    @property
    def certificates(self) -> Path:
        return self.directory / "run" / "tls"


@dataclass
class Installed:
    """A running `install.sh run`. `said` has the lines that it printed, `log` the daemon's."""

    place: Place
    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def pairing_code(self) -> str:
        found = re.search(r"Pairing code: (\d{4}) (\d{4})", "".join(self.said))
        assert found, "".join(self.said)
        return found[1] + found[2]

    @property
    def pairing_link(self) -> str:
        return f"{self.place.address}/#pair={self.pairing_code}"

    def conversation(self, conversation_id: str) -> Conversation:
        """Returns a conversation from the database."""
        database = self.place.directory / "run" / "voice_conversations.db"
        with queries.reading(database) as db:
            return queries.conversation(db, conversation_id)

    async def command_line(self, *arguments: str) -> str:
        """Runs `appliance …` as a person does, and returns what it prints."""
        layer = self.place.directory / "run" / "appliance.toml"
        process = await asyncio.create_subprocess_exec(
            *[str(ROOT / ".venv" / "bin" / "appliance"), *arguments, "--config", str(layer)],
            stdout=asyncio.subprocess.PIPE,
        )
        return (await process.communicate())[0].decode()

    async def new_code(self, *options: str) -> str:
        """Returns another pairing code."""
        said = await self.command_line("pair", *options)
        found = re.search(r"Pairing code: (\d{4}) (\d{4})", said)
        assert found, said
        return found[1] + found[2]

    def kill_daemon(self) -> None:
        """Kills the daemon, as a crash does."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for child in children:
            if b"appliance\0run" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
                return
        raise AssertionError(f"no daemon among {children}")

    async def ready(self) -> None:
        """Waits until every engine has answered its warm-up."""
        trusted = ssl.create_default_context(cafile=str(self.place.certificates / "ca.crt"))
        connector = aiohttp.TCPConnector(ssl=trusted)
        async with asyncio.timeout(60), aiohttp.ClientSession(connector=connector) as http:
            while True:
                async with http.get(f"{self.place.address}/ready") as answer:
                    if answer.status == 200:
                        return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def installed(
    place: Place, overrides: Mapping[str, str] | None = None, *, models: str = "none"
) -> AsyncIterator[Installed]:
    """Runs `install.sh run` until the block ends, then stops it as Ctrl-C does.

    `models` are fetched meanwhile, by name.
    """
    ports = ["--https-port", place.https, "--http-port", place.http, "--port", place.port]
    places = ["--bind", "127.0.0.1", "--run-dir", place.directory / "run", "--models", models]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")}
    process = await asyncio.create_subprocess_exec(
        *[str(part) for part in (INSTALL, "run", *ports, *places)],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**inherited, **(overrides or {})},
        start_new_session=True,
        preexec_fn=hear_signals,
    )
    one = Installed(place, process)
    announced = asyncio.Event()
    assert process.stdout is not None
    assert process.stderr is not None
    listening = [
        asyncio.create_task(_read(process.stdout, one.said, announced)),
        asyncio.create_task(_read(process.stderr, one.log, None)),
    ]
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            await announced.wait()
        assert process.returncode is None, "".join(one.log)
        yield one
    except BaseException as error:
        error.add_note("The appliance logged:\n" + "".join(one.log))
        raise
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(30):
            await process.wait()
            await asyncio.gather(*listening)


async def _read(
    stream: asyncio.StreamReader, lines: list[str], announced: asyncio.Event | None
) -> None:
    async for line in stream:
        lines.append(line.decode())
        if announced and "Ctrl-C stops it" in lines[-1]:
            announced.set()
    # At the end of the output too, so that an appliance that failed to start is not waited for.
    if announced:
        announced.set()
