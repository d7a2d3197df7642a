"""What the appliance tells systemd, and the secrets it gets from it. Silent elsewhere."""

import os
import re
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path

# Secrets by the name of their environment variable; as credentials their names are lower case.
MCP_TOKEN = "MCP_[A-Z0-9]+_TOKEN"
SECRETS = ("OPENAI_API_KEY", "GROQ_API_KEY", "TEAM_TOKEN")

FIRST_SOCKET = 3  # by the protocol of sd_listen_fds


def sockets(environ: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """The listening sockets that systemd opened for this process, in the unit's order.

    They are handed over once, and not inherited by programs this process starts.
    """
    told = {name: environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if told["LISTEN_PID"] != str(os.getpid()) or not told["LISTEN_FDS"].isdigit():
        return []
    descriptors = range(FIRST_SOCKET, FIRST_SOCKET + int(told["LISTEN_FDS"]))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def manages_us(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether systemd started this process and hears what it tells."""
    return "NOTIFY_SOCKET" in environ


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> None:
    """Sends state lines ("READY=1", "STATUS=…"); nothing happens without a NOTIFY_SOCKET."""
    if not manages_us(environ):
        return
    import systemd.daemon as daemon

    daemon.notify("\n".join(lines))


def ready(status: str) -> None:
    """The port is open."""
    notify("READY=1", f"STATUS={status}")


def status(text: str) -> None:
    notify(f"STATUS={text}")


def stopping(seconds: float) -> None:
    """The end has begun, and may take so many seconds whatever the unit says."""
    notify(
        "STOPPING=1",
        "STATUS=Finishing what is being said",
        f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}",
    )


def watchdog() -> None:
    """Sign of life; due twice per watchdog interval."""
    notify("WATCHDOG=1")


def watchdog_seconds(environ: Mapping[str, str] = os.environ) -> float | None:
    """How often `watchdog` should be called; None where nobody watches."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(
        os.getpid()
    ):
        return None
    return int(microseconds) / 2_000_000


def secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets at hand: systemd credentials first, then the environment.

    They are SECRETS and the tokens of the servers of tools, MCP_NAME_TOKEN.
    """
    found: dict[str, str] = {}
    directory = environ.get("CREDENTIALS_DIRECTORY")
    at_hand = [file.name.upper() for file in Path(directory).iterdir()] if directory else []
    tokens = {name for name in (*at_hand, *environ) if re.fullmatch(MCP_TOKEN, name)}
    for name in (*SECRETS, *sorted(tokens)):
        file = Path(directory, name.lower()) if directory else None
        # The unit gives an empty one where nobody has put a secret.
        if file is not None and file.is_file() and (text := file.read_text("utf-8").strip()):
            found[name] = text
        elif environ.get(name):
            found[name] = environ[name]
    return found
