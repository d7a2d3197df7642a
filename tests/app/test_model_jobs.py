"""Jobs on models, with programs in place of `appliance models`: queue, progress, end."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.app.model_jobs import ModelJobs
from appliance.errors import NotFound

# Says what it was started with, waits for a file to appear, and ends as its name says.
PROGRAM = """
import json, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background ignores
kind, *rest = sys.argv[2:]
name = rest[-1] if rest and not rest[-1].startswith("-") else ""
print("not JSON", flush=True)
print(json.dumps({"step": name + "/model.bin", "total": 100, "done": 0}), flush=True)
print(json.dumps({"done": 40, "total": 100}), flush=True)
try:
    while name == "slow" and not os.path.exists(sys.argv[1]):
        time.sleep(0.01)
except KeyboardInterrupt:
    sys.exit(130)
if name == "broken":
    print("no source has it\\nIs the network there?", file=sys.stderr)
    sys.exit(1)
if kind == "verify":
    files = [{"model": "a", "path": "p", "state": s} for s in ("good", "damaged")]
    print(json.dumps({"verified": files}))
print(json.dumps({"message": "fetched from upstream " + str(os.nice(0))}))
"""


class Jobs:
    """A queue that runs, and the states of its jobs at each change."""

    def __init__(self, directory: Path, program: Sequence[str] = (sys.executable, "-c")) -> None:
        self.go = directory / "go"
        self.seen: list[list[str]] = []
        self._program = program
        self.queue = ModelJobs(self._command, self._changed)

    def _command(self, kind: str) -> list[str]:
        return [*self._program, PROGRAM, str(self.go), kind]

    def _changed(self) -> None:
        self.seen.append([job["state"] for job in self.queue.listed()])

    def job(self, number: int) -> dict[str, Any]:
        return next(job for job in self.queue.listed() if job["id"] == number)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():  # noqa: ASYNC110  the change comes from another process
                await asyncio.sleep(0.01)

    async def ended(self, number: int) -> dict[str, Any]:
        await self.until(lambda: self.job(number)["ended"] > 0)
        return self.job(number)


@pytest_asyncio.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    made = Jobs(tmp_path)
    running = asyncio.create_task(made.queue.run())
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_job_shows_how_far_it_is_and_what_it_said(jobs: Jobs) -> None:
    number = jobs.queue.add("pull", "base").id
    done = await jobs.ended(number)
    assert (done["state"], done["step"], done["done"], done["total"]) == (
        *("done", "base/model.bin"),
        *(40, 100),
    )
    assert done["message"].startswith("fetched from upstream")
    assert jobs.seen == [["queued"], ["running"], ["done"]]
    json.dumps(jobs.queue.listed())


async def test_a_job_has_less_of_the_processors_than_speech(jobs: Jobs) -> None:
    done = await jobs.ended(jobs.queue.add("pull", "base").id)
    assert int(done["message"].split()[-1]) >= 10


async def test_a_failed_job_says_why_and_what_to_do(jobs: Jobs) -> None:
    failed = await jobs.ended(jobs.queue.add("pull", "broken").id)
    assert (failed["state"], failed["message"]) == ("failed", "no source has it")
    assert failed["advice"] == "Is the network there?"


async def test_damaged_files_are_named(jobs: Jobs) -> None:
    done = await jobs.ended(jobs.queue.add("verify").id)
    assert done["faults"] == [{"model": "a", "path": "p", "state": "damaged"}]


async def test_jobs_wait_for_each_other_and_come_once(jobs: Jobs) -> None:
    first = jobs.queue.add("pull", "slow")
    second = jobs.queue.add("pull", "base")
    await jobs.until(lambda: first.done == 40)
    assert [job["state"] for job in jobs.queue.listed()] == ["running", "queued"]
    assert jobs.queue.add("pull", "slow") is first
    assert jobs.queue.add("pull", "base") is second
    jobs.go.touch()
    await jobs.ended(second.id)
    assert [job["state"] for job in jobs.queue.listed()] == ["done", "done"]
    assert jobs.queue.add("pull", "base") is not second


async def test_a_job_is_cancelled_while_it_runs_and_while_it_waits(jobs: Jobs) -> None:
    first, second = jobs.queue.add("pull", "slow"), jobs.queue.add("pull", "base")
    third = jobs.queue.add("rm", "tiny")
    await jobs.until(lambda: first.done == 40)
    jobs.queue.cancel(second.id)
    jobs.queue.cancel(first.id)
    await jobs.ended(third.id)
    states = {job["id"]: job["state"] for job in jobs.queue.listed()}
    assert states == {first.id: "cancelled", second.id: "cancelled", third.id: "done"}
    with pytest.raises(NotFound):
        jobs.queue.cancel(first.id)


async def test_a_process_that_cannot_begin_is_a_failed_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.app.model_jobs.NICE", ())
    jobs = Jobs(tmp_path, ("/no/such/program",))
    running = asyncio.create_task(jobs.queue.run())
    failed = await jobs.ended(jobs.queue.add("pull", "base").id)
    assert failed["state"] == "failed"
    assert "could not begin" in failed["message"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_end_of_the_appliance_ends_the_job(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    running = asyncio.create_task(jobs.queue.run())
    job = jobs.queue.add("pull", "slow")
    await jobs.until(lambda: job.done == 40)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert jobs.job(job.id)["state"] == "cancelled"
