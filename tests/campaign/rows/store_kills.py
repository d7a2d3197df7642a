"""The store's writer is killed while it commits."""

from appliance.store.queries import conversation, reading
from tests.campaign.row import Row, Trial
from tests.store.test_crash import talk_until_killed


async def run(trial: Trial) -> None:
    database = trial.directory / "history" / "conversations.db"
    kept: list[int] = []
    for number in trial.rounds():
        with trial.judged(f"kill {number}"):
            lines = trial.dice.randrange(1, 60)
            acknowledged = talk_until_killed(database, len(kept) + 1, lines=lines)
            with reading(database) as db:
                kept = [event.turn for event in conversation(db, "c1").events]
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert len(kept) >= acknowledged, f"{acknowledged - len(kept)} acknowledged are gone"
            assert kept == list(range(1, len(kept) + 1)), "there is a hole"
    trial.notes.append(f"{len(kept):,} events acknowledged")


ROW = Row(
    name="store-kills",
    done="SIGKILL of a process that appends events and prints each committed number",
    unit="kills",
    lost="a committed event, or one before it; a file that is not whole",
    n=300,
    run=run,
)
