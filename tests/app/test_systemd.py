"""Notifications over a real notify socket, inherited sockets, watchdog settings and secrets."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.app import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """The manager's end of the notify socket."""
    path = tmp_path / "notify"
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(path))
    end.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    return end


def test_every_stage_is_notified(manager: socket.socket) -> None:
    with manager:
        systemd.ready("Loading models")
        systemd.status("Ready: sphinx")
        systemd.watchdog()
        systemd.stopping(25.0)
        received = [manager.recv(1_000).decode() for _ in range(4)]
    assert received[0] == "READY=1\nSTATUS=Loading models"
    assert received[1] == "STATUS=Ready: sphinx"
    assert received[2] == "WATCHDOG=1"
    assert received[3].startswith("STOPPING=1\nSTATUS=")
    assert received[3].endswith("\nEXTEND_TIMEOUT_USEC=25000000")


def test_outside_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.ready("Loading models")


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_per_interval(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert systemd.watchdog_seconds(environ) == seconds


def test_credentials_come_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "openai_api_key").write_text("from-systemd\n")
    environ = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "OPENAI_API_KEY": "from-environment",
        "GROQ_API_KEY": "groq",
        "OTHER_API_KEY": "other",
    }
    assert systemd.secrets(environ) == {"OPENAI_API_KEY": "from-systemd", "GROQ_API_KEY": "groq"}
    assert systemd.secrets({"OPENAI_API_KEY": ""}) == {}
    (tmp_path / "mcp_home_token").write_text("home\n")
    tokens = {"MCP_HOME_TOKEN": "home", "MCP_WORK_TOKEN": "work"}
    assert systemd.secrets({**environ, "MCP_WORK_TOKEN": "work"}).items() >= tokens.items()


def test_an_empty_credential_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "openai_api_key").write_text("\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "OPENAI_API_KEY": "from-environment"}
    assert systemd.secrets(environ) == {"OPENAI_API_KEY": "from-environment"}


PROBE = """
import os, socket, sys
from appliance.app import systemd
os.environ["LISTEN_PID"] = str(os.getpid()) if sys.argv[1] == "ours" else "1"
sockets = systemd.sockets()
print([each.getsockname() for each in sockets], [each.get_inheritable() for each in sockets])
print(sorted(name for name in os.environ if name.startswith("LISTEN_")), systemd.sockets())
"""


@pytest.mark.parametrize(("whose", "is_ours"), [("ours", True), ("another's", False)])
def test_inherited_sockets_are_taken_once_and_not_passed_on(
    tmp_path: Path, whose: str, is_ours: bool
) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        # As from systemd, the socket is descriptor 3 of the process.
        hand_over = ("bash", "-c", 'exec 3<&"$1"; shift; exec "$@"', "-")
        ran = subprocess.run(
            [*hand_over, str(listening.fileno()), sys.executable, "-c", PROBE, whose],
            pass_fds=[listening.fileno()],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    assert ran.stdout.splitlines() == [
        f"{[path] if is_ours else []} {[False] if is_ours else []}",
        "[] []",
    ]


def test_without_systemd_there_are_no_sockets() -> None:
    assert systemd.sockets({}) == []
    assert systemd.sockets({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "some"}) == []
