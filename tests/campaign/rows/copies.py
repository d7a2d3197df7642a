"""The database is copied at random instants, as a snapshot of the disk or an update does."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.store.queries import reading
from appliance.store.store import Store
from tests.campaign.row import Row, Trial
from tests.store.test_crash import ROOT, TALKER

BACKUP = ROOT / "install" / "database.py"


@contextmanager
def appending(database: Path, begin: int = 1) -> Iterator["subprocess.Popen[str]"]:
    """A process that appends without end, numbers from `begin` on."""
    process = subprocess.Popen(
        [sys.executable, TALKER, database, str(begin)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def last_line(process: "subprocess.Popen[str]") -> int:
    """The number that the process has committed last, of those that it has told so far."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    told = 0
    while line := process.stdout.readline():
        if line.endswith("\n"):
            told = int(line)
    return told


def snapshot(database: Path, copy: Path, process: "subprocess.Popen[str]") -> None:
    """Copies the files as they are at one instant."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        for suffix in ("", "-wal"):
            if (file := database.with_name(database.name + suffix)).exists():
                shutil.copyfile(file, copy.with_name(copy.name + suffix))
    finally:
        process.send_signal(signal.SIGCONT)


def backup(database: Path, copy: Path) -> None:
    """Copies it with the installer's own program."""
    subprocess.run([sys.executable, BACKUP, "backup", database, copy], check=True)


def numbers(database: Path) -> list[int]:
    """What the process appended and the file holds, in its order."""
    with reading(database) as db:
        return [turn for (turn,) in db.execute("SELECT turn FROM events ORDER BY id")]


async def is_whole(copy: Path, acknowledged: int) -> None:
    """Opens a copy as the appliance does, and counts what is in it."""
    store = Store.open(copy)
    quarantined = store.quarantined
    await store.close()
    assert quarantined is None
    kept = numbers(copy)
    assert kept == list(range(1, len(kept) + 1)), "there is a hole"
    assert len(kept) >= acknowledged, f"{acknowledged - len(kept)} acknowledged are missing"


async def run(trial: Trial) -> None:
    database = trial.directory / "writer" / "conversations.db"
    with appending(database) as process:
        told = 0
        while not told:
            await asyncio.sleep(0.05)
            told = last_line(process)
        for number in trial.rounds():
            await asyncio.sleep(trial.dice.uniform(0, 0.5))
            told = max(told, last_line(process))
            copy = trial.directory / f"copy{number}" / "conversations.db"
            copy.parent.mkdir()
            with trial.judged(f"copy {number}"):
                if number % 3:
                    snapshot(database, copy, process)
                else:
                    await asyncio.to_thread(backup, database, copy)
                await is_whole(copy, told)
            shutil.rmtree(copy.parent)


ROW = Row(
    name="copies",
    done="two thirds are the files at one instant, one third the installer's own backup, "
    "while a process appends",
    unit="copies",
    lost="a committed event; a copy that does not open, or opens with a hole",
    n=150,
    run=run,
)
