"""The files of the history are damaged, cut or deleted."""

import random
import shutil
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from appliance.client import calling
from appliance.conversation import TaskState
from appliance.store.store import Store
from tests.campaign.row import Row, Trial
from tests.campaign.rows.copies import is_whole
from tests.campaign.talking import answered
from tests.daemon import running
from tests.store.events import answered as answer
from tests.store.events import said
from tests.store.test_clients import LAPTOP, PHONE
from tests.store.test_crash import talk_until_killed
from tests.store.test_tasks import began, task
from tests.store.test_timers import TEA, Timer

PAGE = 4096
EVENTS = 400


async def fill(path: Path) -> None:
    """A history with something in every table."""
    store = Store.open(path)
    await store.clients.add(PHONE, "a" * 64)
    await store.clients.add(LAPTOP, "b" * 64)
    store.timers(Timer).add(TEA)
    store.append(began())
    await store.tasks.add(task("t1", TaskState.ACCEPTED))
    for number in range(EVENTS // 2):
        store.append(said(f"word{number} and more", turn=number + 1))
        store.append(answer(f"reply{number} and so on", turn=number + 1))
    await store.close()


def root_pages(path: Path) -> list[tuple[str, int]]:
    """The first page of every table and index."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0").fetchall()
    return [(str(name), int(page)) for name, page in rows]


def flip(path: Path, page: int, dice: random.Random) -> None:
    """Spoils a page: some bytes, all of it with zeros, or all of it with noise."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        sound = bytearray(file.read(PAGE))
        match dice.randrange(3):
            case 0:
                for _ in range(dice.randrange(1, 30)):
                    sound[dice.randrange(len(sound))] ^= dice.randrange(1, 256)
            case 1:
                sound[:] = bytes(len(sound))
            case _:
                sound[:] = dice.randbytes(len(sound))
        file.seek((page - 1) * PAGE)
        file.write(sound)


@dataclass
class Saved:
    replaced: int = 0
    events: int = 0


async def opens(path: Path, saved: Saved) -> None:
    """The appliance opens it, knows its clients, and goes on."""
    store = Store.open(path)
    try:
        if store.quarantined is not None:
            saved.replaced += 1
            assert store.quarantined.exists(), "the damaged file is gone"
        known = [client.id for client in await store.clients.all()]
        assert known == [PHONE.id, LAPTOP.id], f"pairings are lost: {known}"
        assert await store.clients.by_token_hash("a" * 64) == PHONE
        store.append(said("and on it goes", turn=EVENTS))
        await store.flush()
        kept = await store.conversation("c1")
        assert kept.events[-1].data["text"] == "and on it goes"
        if store.quarantined is not None:
            saved.events += len(kept.events) - 1
        else:
            assert len(kept.events) >= EVENTS, f"{len(kept.events)} events, and nobody is told"
    finally:
        await store.close()


async def run_pages(trial: Trial) -> None:
    sound = trial.directory / "sound" / "voice_conversations.db"
    await fill(sound)
    roots = root_pages(sound)
    pages = sound.stat().st_size // PAGE
    saved = Saved()
    for number in trial.rounds():
        name, page = roots[number % len(roots)]
        if number // len(roots) % 2:
            name, page = "any page", trial.dice.randrange(1, pages + 1)
        with trial.judged(f"{name}, page {page}"):
            place = trial.directory / "damaged"
            shutil.copytree(sound.parent, place)
            flip(place / sound.name, page, trial.dice)
            await opens(place / sound.name, saved)
        shutil.rmtree(trial.directory / "damaged", ignore_errors=True)
    share = saved.events / (saved.replaced * EVENTS) if saved.replaced else 1.0
    trial.notes.append(
        f"{len(roots)} tables and indexes; {saved.replaced} files were replaced, with "
        f"{share:.0%} of their events"
    )


async def run_log(trial: Trial) -> None:
    for number in trial.rounds():
        with trial.judged(f"log {number}"):
            database = trial.directory / str(number) / "conversations.db"
            talk_until_killed(database, 1, lines=trial.dice.randrange(1, 40))
            log = database.with_name(database.name + "-wal")
            size = log.stat().st_size if log.exists() else 0
            if size and number % 2:
                with log.open("r+b") as file:
                    file.truncate(trial.dice.randrange(size))
            elif size:
                with log.open("r+b") as file:
                    file.seek(trial.dice.randrange(size))
                    file.write(trial.dice.randbytes(64))
            await is_whole(database, 0)
        shutil.rmtree(database.parent, ignore_errors=True)


async def run_deleted(trial: Trial) -> None:
    state = trial.directory / "state"
    for number in trial.rounds():
        with trial.judged(f"round {number}"):
            async with (
                running(state) as daemon,
                calling(daemon.base_url, microphone=False) as call,
            ):
                await answered(call)
                files = sorted(file for file in state.iterdir() if file.is_file())
                for file in chosen(files, trial.dice):
                    file.unlink()
                for _ in range(2):
                    await answered(call)
                async with calling(daemon.base_url, microphone=False) as another:
                    await answered(another)
                assert (await daemon.get("/health"))[0] == 200
                await daemon.stop(signal.SIGTERM)


def chosen(files: Sequence[Path], dice: random.Random) -> list[Path]:
    return dice.sample(files, dice.randrange(1, len(files) + 1))


PAGES = Row(
    name="pages-damaged",
    done="a page is spoilt (bytes, zeros, noise): the first of every table and index in turn, and "
    "any; then the store opens the file",
    unit="pages",
    lost="a start; a pairing; a loss of events without the file set aside; the history does not "
    "go on",
    n=400,
    run=run_pages,
)
LOG = Row(
    name="log-damaged",
    done="the write-ahead log of a killed process is cut or spoilt at a random place",
    unit="logs",
    lost="a file that does not open, or opens with a hole; what stood after the place is not there",
    n=100,
    run=run_log,
)
DELETED = Row(
    name="files-deleted",
    done="some or all files of the state directory are deleted while a client talks; then a start",
    unit="times",
    lost="an answer, of that session or of a new one; a start",
    n=50,
    run=run_deleted,
)
