"""What the tests of the shell parts share: where they are, running them, and free ports."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CERTIFICATE = ROOT / "nginx" / "certificate.sh"
RENDER = ROOT / "nginx" / "render.sh"
FILL = ROOT / "nginx" / "fill.sh"
RENEW = ROOT / "nginx" / "renew.sh"
WORDS = ROOT / "nginx" / "words.sh"
INSTALL = ROOT / "install.sh"


def run(
    *command: str | Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command's exit status and texts; whether the status is right is for the caller."""
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environ or {})},
        check=False,
    )


def succeed(*command: str | Path) -> str:
    """The standard output of a command that has to succeed."""
    done = run(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hear_signals() -> None:
    """Undoes what the tests may have been started with (nohup, a shell's &): a shell cannot trap
    a signal that was ignored when it began. For the process that is to begin."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
