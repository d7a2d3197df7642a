"""What systemd is told, over a real notify socket, and the secrets it hands over."""

import os
import socket
from pathlib import Path

import pytest

from appliance import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """The other end of the notify socket."""
    path = tmp_path / "notify"
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.bind(str(path))
    end.settimeout(5)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    return end


def test_systemd_hears_of_every_stage(manager: socket.socket) -> None:
    with manager:
        systemd.ready("Loading models")
        systemd.status("Ready: sphinx")
        systemd.watchdog()
        systemd.stopping()
        told = [manager.recv(1_000).decode() for _ in range(4)]
    assert told[0] == "READY=1\nSTATUS=Loading models"
    assert told[1] == "STATUS=Ready: sphinx"
    assert told[2] == "WATCHDOG=1"
    assert told[3].startswith("STOPPING=1\nSTATUS=")


def test_it_is_silent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.ready("nobody listens")


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
