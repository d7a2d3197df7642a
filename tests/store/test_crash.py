"""kill -9 of a real process during a conversation: every acknowledged event is there."""

import random
import subprocess
import sys
from pathlib import Path

from appliance.store.queries import conversation, reading
from appliance.store.store import Store

TALKER = Path(__file__).with_name("talker.py")
ROOT = TALKER.parents[2]


def talk_until_killed(path: Path, start: int, lines: int) -> int:
    """Starts the process, kills it after `lines` acknowledgements, and returns the last one."""
    with subprocess.Popen(
        [sys.executable, TALKER, path, str(start)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        # What it printed before it died counts as well; a line cut short does not.
        printed += process.stdout.read().splitlines(keepends=True)
        assert process.wait() == -9
    return max(int(line) for line in printed if line.endswith("\n"))


async def test_nothing_acknowledged_is_lost(path: Path) -> None:
    dice = random.Random(5)
    kept: list[int] = []
    acknowledged = 0
    for _ in range(6):
        acknowledged = talk_until_killed(path, len(kept) + 1, lines=dice.randrange(1, 120))
        with reading(path) as db:
            kept = [event.turn for event in conversation(db, "c1").events]
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert len(kept) >= acknowledged
        assert kept == list(range(1, len(kept) + 1))
    store = Store.open(path)
    assert store.quarantined is None
    assert len(await store.search(f"sentence {acknowledged}")) >= 1
    await store.close()
