"""A socket that was lent, as systemd lends it: nobody is refused between two processes."""

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

# The socket as descriptor 3; the number of the process stays the same over exec.
HAND_OVER = 'exec 3<&"$1"; shift; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'


@asynccontextmanager
async def daemon(state: Path, lent: socket.socket) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE__")},
        "APPLIANCE__STORE__PATH": str(state / "voice_conversations.db"),
        "APPLIANCE__MODELS__DIRECTORY": str(state / "models"),
        "APPLIANCE__ACCESS__MODE": "open",
    }
    command = [sys.executable, "-m", "appliance", "run"]
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", HAND_OVER, "-", str(lent.fileno()), *command),
        env=environment,
        pass_fds=[lent.fileno()],
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def visit(path: Path) -> int:
    """The status of a visit on a connection of its own."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
        http.get("http://localhost/health") as answer,
    ):
        return answer.status


async def test_who_comes_between_two_processes_is_answered_by_the_second(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as lent:
        lent.bind(str(path))
        lent.listen(BACKLOG)
        async with daemon(tmp_path / "state", lent) as first:
            assert await visit(path) == 200
            first.terminate()
            await first.wait()
        # Ten seconds of fifty visitors each: whoever finds the line full is refused at once.
        with contextlib.ExitStack() as crowd:
            for _ in range(500):
                visitor = crowd.enter_context(socket.socket(socket.AF_UNIX))
                visitor.setblocking(False)
                visitor.connect(str(path))
        waiting = asyncio.create_task(visit(path))
        async with daemon(tmp_path / "state", lent):
            async with asyncio.timeout(30):
                assert await waiting == 200


def test_the_line_is_as_long_as_systemd_makes_it() -> None:
    unit = Path(__file__).parents[2] / "systemd" / "voice-appliance.socket"
    assert re.findall(r"^Backlog=(\d+)$", unit.read_text(), re.MULTILINE) == [str(BACKLOG)]
