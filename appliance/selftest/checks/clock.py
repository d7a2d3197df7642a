"""Does the clock tell the time? Certificates, timers and the order of conversations hang on it."""

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
ASKED_SECONDS = 3.0  # systemd may have to start the service that answers
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 512  # more than struct timex has on any machine


class ClockCheck(BaseCheck):
    name: ClassVar[str] = "clock"
    title: ClassVar[str] = "Clock"
    limit: ClassVar[float] = 5.0

    async def run(self, facts: CheckContext) -> Finding:
        told = await run_in_daemon_thread(lambda: synchronised(facts.root))
        return self.judge(datetime.now().astimezone(), made_at(PROGRAM), told)

    def judge(self, now: datetime, made: float, synchronised: bool | None) -> Finding:
        """`made` is when this program was made, in seconds since the epoch.

        `synchronised` is None where nobody tells.
        """
        shown = now.strftime("%Y-%m-%d %H:%M %Z")
        advice = (
            "Connect it to a network with a time server and run `sudo timedatectl set-ntp true`,"
            " or set it by hand with `sudo timedatectl set-time`. A board without a clock"
            " battery forgets the time whenever it is switched off."
        )
        if now.timestamp() < made - DAY:
            return self.failure(f"{shown}: earlier than this program was made", advice)
        if synchronised is False:
            return self.warning(f"{shown}, not compared with any time server", advice)
        if synchronised is None:
            return self.skipped(f"{shown}; neither the kernel nor a service tells if it is exact")
        return self.ok(f"{shown}, kept by a time server")


def made_at(program: Path) -> float:
    """When the newest file of the program was written."""
    return max(file.stat().st_mtime for file in program.glob("*.py"))


def synchronised(root: Path) -> bool | None:
    """Whether a time server keeps the clock: by the first that tells, None where nobody does."""
    witnesses: Sequence[Callable[[Path], bool | None]] = (kernel, timesyncd, timedated)
    return next((told for ask in witnesses if (told := ask(root)) is not None), None)


def kernel(_root: Path) -> bool | None:
    """What the kernel takes its clock for. In a sandbox (ProtectClock) it may not be asked."""
    try:
        # With a structure of zeros nothing is set: the state is all that is asked.
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def timesyncd(root: Path) -> bool | None:
    """What systemd's own client notes, in a directory that is there for as long as it runs."""
    place = root / "run/systemd/timesync"
    return (place / "synchronized").exists() if place.is_dir() else None


def timedated(root: Path) -> bool | None:
    """What the kernel tells systemd, outside of the sandbox: whoever sets the clock, as chrony."""
    if root != Path("/"):
        return None
    asked = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
    try:
        told = subprocess.run(
            asked, capture_output=True, text=True, timeout=ASKED_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(told.stdout.strip())
