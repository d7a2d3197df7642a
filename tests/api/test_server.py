"""An inherited socket, as from systemd: no connection is refused between two processes."""

import asyncio
import contextlib
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from appliance.api.server import BACKLOG

pytestmark = pytest.mark.slow

# Passes the socket as descriptor 3; exec keeps the process id.
HAND_OVER = 'exec 3<&"$1"; shift; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'


@asynccontextmanager
async def daemon(
    state: Path, inherited: socket.socket
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")},
        "APPLIANCE__STORE__PATH": str(state / "voice_conversations.db"),
        "APPLIANCE__MODELS__DIRECTORY": str(state / "models"),
        "APPLIANCE__ACCESS__MODE": "open",
    }
    command = [sys.executable, "-m", "appliance", "run"]
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", HAND_OVER, "-", str(inherited.fileno()), *command),
        env=environment,
        pass_fds=[inherited.fileno()],
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def get_health(path: Path) -> int:
    """Returns the status of GET /health on a new connection."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
        http.get("http://localhost/health") as answer,
    ):
        return answer.status


async def test_a_connection_between_two_processes_is_answered_by_the_second(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as inherited:
        inherited.bind(str(path))
        inherited.listen(BACKLOG)
        async with daemon(tmp_path / "state", inherited) as first:
            assert await get_health(path) == 200
            first.terminate()
            await first.wait()
        # Ten seconds of fifty connections each: beyond the backlog they would be refused at once.
        with contextlib.ExitStack() as connections:
            for _ in range(500):
                client = connections.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(path))
        waiting = asyncio.create_task(get_health(path))
        async with daemon(tmp_path / "state", inherited):
            async with asyncio.timeout(30):
                assert await waiting == 200


def test_the_backlog_is_the_one_of_the_systemd_unit() -> None:
    unit = Path(__file__).parents[2] / "systemd" / "voice-appliance.socket"
    assert re.findall(r"^Backlog=(\d+)$", unit.read_text(), re.MULTILINE) == [str(BACKLOG)]
