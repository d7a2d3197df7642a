"""Does the clock tell the time? Certificates, timers and the order of conversations hang on it."""

import ctypes
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from appliance.selftest import Finding, Named
from appliance.selftest.facts import Facts

PROGRAM = Path(__file__).parent.parent.parent
DAY = 86_400.0
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 512  # more than struct timex has on any machine


class Clock(Named):
    name: ClassVar[str] = "clock"
    title: ClassVar[str] = "Clock"
    limit: ClassVar[float] = 5.0

    async def run(self, facts: Facts) -> Finding:
        now = datetime.now().astimezone()
        return self.judge(now, made_at(PROGRAM), synchronised())

    def judge(self, now: datetime, made: float, synchronised: bool | None) -> Finding:
        """`made` is when this program was made, in seconds since the epoch."""
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
        told = "kept by a time server" if synchronised else "whether it is exact is not told"
        return self.ok(f"{shown}, {told}")


def made_at(program: Path) -> float:
    """When the newest file of the program was written."""
    return max(file.stat().st_mtime for file in program.glob("*.py"))


def synchronised() -> bool | None:
    """Whether the kernel takes its clock for exact; None where it does not tell (a sandbox)."""
    try:
        # With a structure of zeros nothing is set: the state is all that is asked.
        state = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED
