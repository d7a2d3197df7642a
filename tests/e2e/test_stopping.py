"""SIGTERM ends the appliance and every program that it started, within the time that it states."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.app.daemon import AFTER_DRAIN_SECONDS
from tests.daemon import running
from tests.stranger import ask, until

pytestmark = pytest.mark.slow

TOOLS = Path(__file__).parents[1] / "tools"
SERVERS = 10
DRAIN_SECONDS = 2


def configured(place: Path) -> dict[str, str]:
    """Ten MCP servers, every other of which ignores SIGTERM and the end of its input."""
    odd, stubborn = (str(TOOLS / f"{name}_mcp_server.py") for name in ("odd", "stubborn"))
    (place / "pids").mkdir()
    settings = {"APPLIANCE__SERVER__DRAIN_SECONDS": str(DRAIN_SECONDS)}
    for number in range(SERVERS):
        program = [stubborn, str(place / "pids")] if number % 2 else [odd]
        key = f"APPLIANCE__TOOLS__MCP__SERVER{number}__"
        settings[f"{key}COMMAND"] = json.dumps([sys.executable, *program])
        settings[f"{key}ALLOW"] = '["get_*"]'
    return settings


def children(pid: int) -> set[int]:
    """The processes below a process, by what the kernel tells of each of its threads."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found |= {int(child) for child in (task / "children").read_text().split()}
    return found | {below for child in found for below in children(child)}


def lives(pid: int) -> bool:
    with suppress(OSError):
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


async def test_ten_mcp_servers_end_with_the_appliance(tmp_path: Path) -> None:
    async with running(tmp_path, configured(tmp_path)) as daemon:

        async def all_connected() -> bool:
            tools = (await ask(daemon, "GET", "/api/tools")).json
            states = [server["state"] for server in tools["servers"]]
            return states == ["connected"] * SERVERS

        await until(all_connected, 120)
        started = children(daemon.process.pid)
        assert len(started) >= SERVERS
        assert {int(file.name) for file in (tmp_path / "pids").iterdir()} <= started
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        assert await daemon.process.wait() == 0, "".join(daemon.log)[-3_000:]
        took = time.monotonic() - began
        left = [pid for pid in started if lives(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left
        assert took < DRAIN_SECONDS + AFTER_DRAIN_SECONDS
