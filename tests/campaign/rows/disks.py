"""The disk is full, has no inodes, turns read-only, or loses the power."""

import asyncio
import signal

from appliance.client import Call, calling
from tests.campaign.disks import Ext4Disk, TemporaryDisk
from tests.campaign.row import Row, Trial
from tests.campaign.rows.copies import appending, is_whole, last_line, numbers
from tests.campaign.talking import Witness, answered
from tests.daemon import Daemon, running
from tests.stranger import until

BACK_SECONDS = 20.0


async def history_is(daemon: Daemon, *states: str) -> bool:
    _, health = await daemon.get("/health")
    return health["history"] in states


async def has_kept_or_told(daemon: Daemon, witness: Witness) -> bool:
    return await history_is(daemon, "full") or len(await witness.read(daemon)) > len(witness.seen)


async def keeps_again(daemon: Daemon, call: Call, witness: Witness) -> None:
    """Asks, waits for the history to grow, and checks what had been acknowledged before."""
    before = len(await witness.read(daemon))

    async def has_grown() -> bool:
        return len(await witness.read(daemon)) > before

    await answered(call)
    await until(has_grown, BACK_SECONDS)
    await witness.check(daemon)


async def run_full(trial: Trial) -> None:
    disk = TemporaryDisk(trial.directory / "disk", megabytes=12, inodes=200)
    witness = Witness()
    async with running(disk.place / "state") as daemon:
        for number in trial.rounds():
            options = {"conversation_id": witness.conversation} if witness.seen else {}
            with trial.judged(f"round {number}"):
                # A session of its own: nobody asks so much in one.
                async with calling(daemon.base_url, options=options, microphone=False) as call:
                    witness.conversation = call.conversation_id
                    await fill_and_free(daemon, call, witness, disk, of_inodes=number % 2 == 0)
        assert await daemon.stop(signal.SIGTERM) == 0


async def fill_and_free(
    daemon: Daemon, call: Call, witness: Witness, disk: TemporaryDisk, *, of_inodes: bool
) -> None:
    await answered(call)
    witness.seen = await witness.read(daemon)
    try:
        (disk.use_up_inodes if of_inodes else disk.fill)()
        for _ in range(3):
            await answered(call)
        # Where the log has room from before, all of it is kept even now.
        await until(lambda: has_kept_or_told(daemon, witness), BACK_SECONDS)
    finally:
        disk.free()
    await keeps_again(daemon, call, witness)


async def run_read_only(trial: Trial) -> None:
    disk = Ext4Disk(trial.directory / "disk")
    witness = Witness()
    for number in trial.rounds():
        with trial.judged(f"round {number}"):
            async with running(disk.place / "state") as daemon:
                if witness.seen:
                    await witness.check(daemon)
                options = {"conversation_id": witness.conversation} if witness.seen else {}
                async with calling(daemon.base_url, options=options, microphone=False) as call:
                    witness.conversation = call.conversation_id
                    await answered(call)
                    witness.seen = await witness.read(daemon)
                    disk.fail()
                    for _ in range(3):
                        await answered(call)
                    assert not await history_is(daemon, ""), "nobody is told"
                await daemon.stop(signal.SIGTERM)
        disk.unmount()
        disk.repair()
        disk.mount()


async def run_power_cuts(trial: Trial) -> None:
    disk = Ext4Disk(trial.directory / "disk")
    database = disk.place / "history" / "conversations.db"
    for number in trial.rounds():
        with trial.judged(f"cut {number}"):
            begin = len(numbers(database)) + 1 if database.exists() else 1
            with appending(database, begin) as process:
                told = 0
                while not told:
                    await asyncio.sleep(0.02)
                    told = last_line(process)
                await asyncio.sleep(trial.dice.uniform(0, 0.5))
                # A flush that the cut overtakes may still return; nobody would hear of it.
                told = max(told, last_line(process))
                disk.cut()
            disk.unmount()
            disk.mount()
            await is_whole(database, told)
    trial.notes.append(f"{len(numbers(database)):,} events acknowledged")


FULL = Row(
    name="disk-full",
    done="the disk is filled, or its inodes are, while a client talks, and freed again",
    unit="times",
    lost="an answer; an event that had been shown; a full disk that /health does not name; "
    "a history that does not go on",
    n=100,
    run=run_full,
    namespaces=("--mount",),
)
READ_ONLY = Row(
    name="disk-read-only",
    done="an ext4 turns read-only beneath the open files while a client talks; then a new start",
    unit="times",
    lost="an answer; an event that had been shown; trouble that /health does not name",
    n=50,
    run=run_read_only,
    namespaces=("--mount",),
)
POWER = Row(
    name="power-cuts",
    done="an ext4 is shut down without flushing while a process appends, mounted and opened "
    "again; a disk that lies about its flushes is not part of it",
    unit="cuts",
    lost="an acknowledged event; a file that is not whole",
    n=300,
    run=run_power_cuts,
    namespaces=("--mount",),
)
