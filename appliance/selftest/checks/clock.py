"""Checks the clock, on which certificates, timers and the order of conversations depend."""

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from appliance.concurrency import run_in_daemon_thread
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.context import CheckContext

PROGRAM = Path(__file__).parent.parent.parent
DAY = 86_400.0
TIMEDATECTL_SECONDS = 3.0  # systemd may have to start the service that answers
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 512  # more than struct timex has on any machine


class ClockCheck(BaseCheck):
    name: ClassVar[str] = "clock"
    title: ClassVar[str] = "Clock"
    limit: ClassVar[float] = 5.0

    async def run(self, context: CheckContext) -> Finding:
        in_sync = await run_in_daemon_thread(lambda: synchronised(context.root))
        return self.judge(datetime.now().astimezone(), modified_at(PROGRAM), in_sync)

    def judge(self, now: datetime, built: float, synchronised: bool | None) -> Finding:
        """`built` is when this program's newest file was written, in seconds since the epoch.

        `synchronised` is None where neither the kernel nor a service knows.
        """
        summary = now.strftime("%Y-%m-%d %H:%M %Z")
        advice = (
            "Connect it to a network with a time server and run `sudo timedatectl set-ntp true`,"
            " or set it by hand with `sudo timedatectl set-time`. A board without a clock"
            " battery forgets the time whenever it is switched off."
        )
        if now.timestamp() < built - DAY:
            return self.failure(f"{summary}: earlier than this program was made", advice)
        if synchronised is False:
            return self.warning(f"{summary}, not compared with any time server", advice)
        if synchronised is None:
            return self.skipped(f"{summary}; neither the kernel nor a service says if it is exact")
        return self.ok(f"{summary}, kept by a time server")


def modified_at(program: Path) -> float:
    """The time at which the newest file of the program was written."""
    return max(file.stat().st_mtime for file in program.glob("*.py"))


def synchronised(root: Path) -> bool | None:
    """Whether a time server keeps the clock, by the first source that knows; None for none."""
    sources: Sequence[Callable[[Path], bool | None]] = (kernel, timesyncd, timedated)
    return next((state for query in sources if (state := query(root)) is not None), None)


def kernel(_root: Path) -> bool | None:
    """The kernel's state of its clock. A sandbox (ProtectClock) forbids the system call."""
    try:
        # A structure of zeros sets nothing, and the call returns the state.
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def timesyncd(root: Path) -> bool | None:
    """The state of systemd-timesyncd, whose directory exists for as long as it runs."""
    directory = root / "run/systemd/timesync"
    return (directory / "synchronized").exists() if directory.is_dir() else None


def timedated(root: Path) -> bool | None:
    """The kernel's state as systemd reports it outside the sandbox, whatever client sets it."""
    if root != Path("/"):
        return None
    command = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
    try:
        query = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEDATECTL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(query.stdout.strip())
