"""Many sessions one after the other: what they leave behind in memory, descriptors and threads."""

import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path

from appliance.client import calling
from tests.campaign.row import Row, Trial
from tests.campaign.talking import is_served
from tests.daemon import Daemon, running
from tests.stranger import until

AT_ONCE = 4
QUESTION_EVERY = 10
WARM_UP = 0.1
MOST_GROWTH = 0.05


@dataclass(frozen=True)
class Use:
    megabytes: float
    descriptors: int
    threads: int


def used(daemon: Daemon) -> Use:
    process = Path(f"/proc/{daemon.process.pid}")
    fields = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    return Use(
        int(fields["VmRSS"].split()[0]) / 1024,
        len(list((process / "fd").iterdir())),
        int(fields["Threads"]),
    )


async def run(trial: Trial) -> None:
    limits = {
        "APPLIANCE__ACCESS__SESSIONS_PER_MINUTE": "100000",
        "APPLIANCE__LIMITS__SESSIONS": "20",
    }
    numbers = itertools.count(1)
    async with running(trial.directory, limits) as daemon:
        warm: list[Use] = []

        async def open_and_close() -> None:
            for _ in trial.rounds():
                number = next(numbers)
                with trial.judged(f"session {number}"):
                    if number % QUESTION_EVERY:
                        async with calling(daemon.base_url, microphone=False):
                            pass
                    else:
                        await is_served(daemon)
                if not warm and trial.done >= WARM_UP * trial.n:
                    warm.append(used(daemon))

        await asyncio.gather(*(open_and_close() for _ in range(AT_ONCE)))
        await until(lambda: nobody_talks(daemon), 30)
        end = used(daemon)
        begin = warm[0] if warm else end
        counted = trial.held * (1 - WARM_UP)
        grown = end.megabytes - begin.megabytes
        trial.notes.append(
            f"memory {begin.megabytes:.0f} MB after a tenth, {end.megabytes:.0f} MB at the end "
            f"({1024 * grown / max(counted, 1):+.2f} kB a session); "
            f"{end.descriptors} descriptors, {end.threads} threads"
        )
        with trial.judged("what is left behind", 0):
            assert grown < MOST_GROWTH * begin.megabytes + 8, f"{grown:.0f} MB more"
            assert end.descriptors <= begin.descriptors + 2, f"{end.descriptors} descriptors"


async def nobody_talks(daemon: Daemon) -> bool:
    return await daemon.metric("appliance_sessions") == 0


ROW = Row(
    name="sessions",
    done=f"sessions are opened and closed, {AT_ONCE} at a time; every tenth asks a question",
    unit="sessions",
    lost="a session or an answer; more than 5 % and 8 MB of memory after the first tenth; "
    "descriptors",
    n=10_000,
    run=run,
)
