"""Provides programs of others, as their makers publish them, for tests that talk to them.

They are fetched once with npm and pip, in fixed versions, and kept beside the released models.
Tests that ask for them have the mark `released`, and fail with the reason where they cannot be had.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.released import cache_directory

NODE_SERVERS = tuple(
    f"@modelcontextprotocol/server-{name}@2026.8.31"
    for name in ("everything", "filesystem", "memory")
)
TIME_SERVER = ("mcp-server-time==2026.10.19", "tzlocal", "tzdata")
CLAUDE_CODE = ("@anthropic-ai/claude-code@2.1.197",)


@pytest.fixture(scope="session")
def node_servers() -> Path:
    """The directory of the programs of NODE_SERVERS."""
    return _from_npm("node-servers", NODE_SERVERS)


@pytest.fixture(scope="session")
def time_server() -> Path:
    """A directory for PYTHONPATH from which `python -m mcp_server_time` runs."""
    place = cache_directory().with_name("test-peers") / "time-server"
    if not (place / "mcp_server_time").is_dir():
        # Its other requirements are the appliance's own.
        _fetched(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "-q",
                "--no-deps",
                "--target",
                str(place),
                *TIME_SERVER,
            ]
        )
    return place


@pytest.fixture(scope="session")
def claude_code() -> Path:
    """The program of Claude Code."""
    programs = _from_npm("claude-code", CLAUDE_CODE)
    package = programs.parent / "@anthropic-ai" / "claude-code"
    _fetched(["node", str(package / "install.cjs")], package)
    return programs / "claude"


def _from_npm(name: str, packages: Sequence[str]) -> Path:
    place = cache_directory().with_name("test-peers") / name
    programs = place / "node_modules" / ".bin"
    if not programs.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place))
        _fetched(["npm", "install", *quiet, *packages], place)
    return programs


def _fetched(command: Sequence[str], place: Path | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=place,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    if done.returncode:
        pytest.fail(
            f"a program of others cannot be had:\n{done.stderr}\n"
            "--without-released-models leaves this test out.",
            pytrace=False,
        )
