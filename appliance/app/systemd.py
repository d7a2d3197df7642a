"""Speaks systemd's protocols: readiness, watchdog, inherited sockets and credentials.

Outside systemd the notifications do nothing.
"""

import os
import re
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path

# Secrets by the name of their environment variable; as credentials their names are lower case.
MCP_TOKEN = "MCP_[A-Z0-9]+_TOKEN"
SECRETS = ("OPENAI_API_KEY", "GROQ_API_KEY", "TEAM_TOKEN", "ANTHROPIC_API_KEY")

FIRST_SOCKET = 3  # by the protocol of sd_listen_fds


def sockets(environ: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """Returns the listening sockets that systemd opened for this process, in the unit's order.

    A second call returns none. Programs that this process starts do not inherit them.
    """
    variables = {
        name: environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    }
    if variables["LISTEN_PID"] != str(os.getpid()) or not variables["LISTEN_FDS"].isdigit():
        return []
    descriptors = range(FIRST_SOCKET, FIRST_SOCKET + int(variables["LISTEN_FDS"]))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def manages_us(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether systemd started this process and receives its notifications."""
    return "NOTIFY_SOCKET" in environ


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> None:
    """Sends state lines ("READY=1", "STATUS=…"); does nothing without a NOTIFY_SOCKET."""
    if not manages_us(environ):
        return
    import systemd.daemon as daemon

    daemon.notify("\n".join(lines))


def ready(status: str) -> None:
    """Reports that the port is open."""
    notify("READY=1", f"STATUS={status}")


def status(text: str) -> None:
    """Sets the line that `systemctl status` shows."""
    notify(f"STATUS={text}")


def stopping(seconds: float) -> None:
    """Reports that shutdown has begun, and extends the unit's time-out for it to `seconds`."""
    notify(
        "STOPPING=1",
        "STATUS=Finishing what is being said",
        f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}",
    )


def watchdog() -> None:
    """Feeds the watchdog; due twice per interval."""
    notify("WATCHDOG=1")


def watchdog_seconds(environ: Mapping[str, str] = os.environ) -> float | None:
    """Returns the seconds between two calls of `watchdog`; None where systemd does not watch."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(
        os.getpid()
    ):
        return None
    return int(microseconds) / 2_000_000


def secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the secrets: from systemd credentials first, then from the environment.

    They are SECRETS, and the tokens of the servers of tools, MCP_NAME_TOKEN.
    """
    found: dict[str, str] = {}
    directory = environ.get("CREDENTIALS_DIRECTORY")
    credentials = [file.name.upper() for file in Path(directory).iterdir()] if directory else []
    tokens = {name for name in (*credentials, *environ) if re.fullmatch(MCP_TOKEN, name)}
    for name in (*SECRETS, *sorted(tokens)):
        file = Path(directory, name.lower()) if directory else None
        # The unit provides an empty credential where no secret was set.
        if file is not None and file.is_file() and (text := file.read_text("utf-8").strip()):
            found[name] = text
        elif environ.get(name):
            found[name] = environ[name]
    return found
