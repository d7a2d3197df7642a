"""Descriptors run out, the clock jumps, the network goes away in the middle of a call."""

import asyncio
import contextlib
import itertools
import resource
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from appliance.client import Call, calling
from appliance.errors import ApplianceError
from tests.campaign.row import Row, Trial
from tests.campaign.talking import Witness, answered, is_served
from tests.daemon import Daemon, running
from tests.stranger import until
from tests.wall_clock import WallClock, build_library

CONNECTIONS = 64
LONGEST_CUT = 8.0  # seconds
RINGS_AFTER = 4.0  # the clock is read again every second
HOUR, DAY = 3_600, 86_400
YEAR = 365 * DAY
JUMPS = {  # seconds
    **{"+1h": HOUR, "-1h": -HOUR, "+1d": DAY, "-1d": -DAY, "-10y": -10 * YEAR, "+20y": 20 * YEAR},
    "+0": 0,
}


async def run_descriptors(trial: Trial) -> None:
    async with (
        running(trial.directory) as daemon,
        calling(daemon.base_url, microphone=False) as call,
    ):
        pid = daemon.process.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for number in trial.rounds():
            with trial.judged(f"round {number}"):
                used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
                few = used + trial.dice.randrange(0, 8)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, usual[1]))
                try:
                    async with crowd(daemon):
                        for _ in range(2):
                            await answered(call)
                finally:
                    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
                await until(lambda: serves(daemon))


@contextlib.asynccontextmanager
async def crowd(daemon: Daemon) -> AsyncIterator[None]:
    """Connections that ask for a page each, and hold their descriptors as long as they can."""
    host, port = daemon.base_url.removeprefix("http://").split(":")
    opened = await asyncio.gather(
        *(asyncio.open_connection(host, int(port)) for _ in range(CONNECTIONS))
    )
    try:
        for _, writer in opened:
            writer.write(f"GET /health HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        yield
    finally:
        for _, writer in opened:
            writer.close()


async def serves(daemon: Daemon) -> bool:
    try:
        await is_served(daemon)
    except (ApplianceError, aiohttp.ClientError, OSError):
        return False
    return True


async def run_clock(trial: Trial) -> None:
    clock = WallClock(build_library(trial.directory), trial.directory / "clock")
    clock.set(0)
    async with (
        running(trial.directory / "state", clock.environment, seconds=300) as daemon,
        calling(daemon.base_url, microphone=False) as call,
    ):
        jumps = itertools.cycle(JUMPS)
        for number in trial.rounds():
            jump = next(jumps)
            with trial.judged(f"jump {number}, {jump}"):
                clock.set(0)
                await rings_over(call, clock, JUMPS[jump])
                await answered(call)
                await is_served(daemon, call.conversation_id)


async def rings_over(call: Call, clock: WallClock, jump: int) -> None:
    """A timer is set, the clock jumps, and the timer rings after its own time."""
    sent = await call.type(f"set a timer for {RINGS_AFTER:.0f} seconds")
    made = await call.wait_for(lambda a: a.data.get("state") == "set", since=sent)
    await asyncio.sleep(0.2)
    clock.set(jump)
    jumped = time.monotonic()
    rang = await call.wait_for(
        lambda a: a.data.get("state") == "rang" and a.data["id"] == made.data["id"],
        since=sent,
        seconds=30,
    )
    assert rang.at - sent > RINGS_AFTER - 0.5, f"it rang {rang.at - jumped:.1f} s after the jump"
    await call.type("stop")


async def run_network(trial: Trial) -> None:
    link("up")
    witness = Witness()
    resumed = 0
    async with running(trial.directory) as daemon:
        for number in trial.rounds():
            with trial.judged(f"cut {number}"):
                options = {"conversation_id": witness.conversation} if witness.seen else {}
                async with calling(daemon.base_url, options=options) as call:
                    witness.conversation = call.conversation_id
                    await answered(call)
                    witness.seen = await witness.read(daemon)
                    sent = await call.type("what can you do")
                    await asyncio.sleep(trial.dice.uniform(0, 0.5))
                    link("down")
                    try:
                        await asyncio.sleep(trial.dice.uniform(0.2, LONGEST_CUT))
                    finally:
                        link("up")
                    with contextlib.suppress(ApplianceError):
                        await call.wait_for(lambda a: a.kind == "bot-llm-text", since=sent)
                        await answered(call)
                        resumed += 1
                await is_served(daemon, witness.conversation)
                await witness.check(daemon)
    trial.notes.append(f"{resumed} went on in the same session, the others in a new one")


def link(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True, capture_output=True)


DESCRIPTORS = Row(
    name="descriptors",
    done=f"the daemon may open at most seven more files, and {CONNECTIONS} connections want in",
    unit="times",
    lost="an answer in the open session; a session afterwards",
    n=100,
    run=run_descriptors,
)
CLOCK = Row(
    name="clock-jumps",
    done="the clock of the daemon jumps " + ", ".join(list(JUMPS)[:-1]) + " while a timer runs",
    unit="jumps",
    lost="a timer that rings early or not; an answer; a conversation that does not go on",
    n=100,
    run=run_clock,
)
NETWORK = Row(
    name="network-cuts",
    done=f"the network goes away in the middle of an answer, for up to {LONGEST_CUT:.0f} s "
    "(compressed: nothing waits for longer than a heartbeat of 15 s)",
    unit="cuts",
    lost="an event that had been shown; a conversation that does not go on",
    n=100,
    run=run_network,
    namespaces=("--net",),
)
