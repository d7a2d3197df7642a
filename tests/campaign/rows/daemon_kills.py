"""The daemon is killed while a client talks."""

import asyncio
import contextlib
import signal

import aiohttp

from appliance.client import calling
from tests.campaign.row import Row, Trial
from tests.campaign.talking import Witness, answered, talk
from tests.daemon import running

TALKING_SECONDS = 2.0


async def run(trial: Trial) -> None:
    witness = Witness()
    for number in trial.rounds():
        with trial.judged(f"kill {number}"):
            async with running(trial.directory) as daemon:
                if witness.seen:
                    await witness.check(daemon)
                    await resumed(daemon.base_url, witness.conversation)
                talking = asyncio.create_task(talk(daemon, witness))
                watching = asyncio.create_task(witness.watch(daemon))
                await asyncio.sleep(trial.dice.uniform(0, TALKING_SECONDS))
                daemon.process.send_signal(signal.SIGKILL)
                await daemon.process.wait()
                watching.cancel()
                with contextlib.suppress(aiohttp.ClientError, OSError, asyncio.CancelledError):
                    await watching
                await talking
    async with running(trial.directory) as daemon:
        with trial.judged("the last kill", 0):
            await witness.check(daemon)
    trial.notes.append(f"{len(witness.seen):,} events acknowledged")


async def resumed(base_url: str, conversation: str) -> None:
    """The conversation goes on where it was."""
    options = {"conversation_id": conversation}
    async with calling(base_url, options=options, microphone=False) as call:
        assert call.conversation_id == conversation
        await answered(call)


ROW = Row(
    name="daemon-kills",
    done="SIGKILL at a random instant while a client talks; then it is started again",
    unit="kills",
    lost="an event that a client had been shown; the conversation does not go on; an event twice",
    n=300,
    run=run,
)
