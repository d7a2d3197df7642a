"""What the appliance tells systemd, and the secrets it gets from it. Silent elsewhere."""

import os
from collections.abc import Mapping
from pathlib import Path

# Secrets by the name of their environment variable; as credentials their names are lower case.
SECRETS = ("OPENAI_API_KEY", "GROQ_API_KEY")


def notify(*lines: str, environ: Mapping[str, str] = os.environ) -> None:
    """Sends state lines ("READY=1", "STATUS=…"); nothing happens without a NOTIFY_SOCKET."""
    if "NOTIFY_SOCKET" not in environ:
        return
    from systemd import daemon

    daemon.notify("\n".join(lines))


def ready(status: str) -> None:
    """The port is open."""
    notify("READY=1", f"STATUS={status}")


def status(text: str) -> None:
    notify(f"STATUS={text}")


def stopping() -> None:
    notify("STOPPING=1", "STATUS=Finishing what is being said")


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
    """The secrets at hand: systemd credentials first, then the environment."""
    found: dict[str, str] = {}
    directory = environ.get("CREDENTIALS_DIRECTORY")
    for name in SECRETS:
        file = Path(directory, name.lower()) if directory else None
        if file is not None and file.is_file():
            found[name] = file.read_text(encoding="utf-8").strip()
        elif environ.get(name):
            found[name] = environ[name]
    return found
