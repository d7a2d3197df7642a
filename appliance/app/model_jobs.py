"""Fetches, verifies and removes models on request, one job at a time, each in its own process.

The process is the command line's `appliance models`, so a download never holds up the event loop,
and both ways do the same. It has the daemon take over what it has fetched by itself.
"""

import asyncio
import itertools
import json
import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from appliance.concurrency import stop_process
from appliance.errors import NotFound

log = logging.getLogger(__name__)

KEPT: Final = 20  # finished jobs that are still shown
STOP_SECONDS: Final = 10.0  # for a job that is cancelled, to put down what has arrived
NICE: Final = ("nice", "-n", "15")  # from the daemon's -5: behind everything that somebody hears
LONGEST_LINE: Final = 1 << 20  # a report on all files is one line

JobKind = Literal["pull", "verify", "rm"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(slots=True)
class ModelJob:
    """One job on a model; `model` is "" for the verification of all.

    `step` is what is being done, with `done` of `total` bytes; `speed` is in bytes a second.
    """

    id: int
    kind: JobKind
    model: str
    state: JobState = "queued"
    step: str = ""
    done: int = 0
    total: int | None = None
    speed: float = 0.0
    message: str = ""
    advice: str = ""
    faults: list[dict[str, str]] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0


class ModelJobs:
    """The queue of jobs, and those that have ended lately.

    `command` gives the command line of `appliance models KIND`. `changed` is called when a job is
    queued, begins and ends.
    """

    def __init__(
        self, command: Callable[[str], Sequence[str]], changed: Callable[[], object]
    ) -> None:
        self._command = command
        self._changed = changed
        self._ids = itertools.count(1)
        self._waiting: deque[ModelJob] = deque()
        self._ended: deque[ModelJob] = deque(maxlen=KEPT)
        self._running: ModelJob | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._requested = asyncio.Event()

    def listed(self) -> list[dict[str, Any]]:
        """All jobs for JSON: the one under way, those that wait, those that have ended."""
        running = [self._running] if self._running else []
        return [asdict(job) for job in (*running, *self._waiting, *reversed(self._ended))]

    def add(self, kind: JobKind, model: str = "") -> ModelJob:
        """Queues a job; one that is queued or under way already is returned as it is."""
        running = [self._running] if self._running else []
        for job in (*running, *self._waiting):
            if (job.kind, job.model) == (kind, model):
                return job
        job = ModelJob(next(self._ids), kind, model)
        self._waiting.append(job)
        self._requested.set()
        self._changed()
        return job

    def cancel(self, job_id: int) -> None:
        """Ends a job; what has arrived of a model is kept. Raises NotFound where there is none."""
        for job in list(self._waiting):
            if job.id == job_id:
                self._waiting.remove(job)
                self._end(job, "cancelled")
                return
        if self._running is None or self._running.id != job_id:
            raise NotFound("this job has ended already", advice="Look at its result.")
        self._running.state = "cancelled"
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    async def run(self) -> None:
        """Does the jobs in their order, until cancelled; that ends the one under way, too."""
        while True:
            await self._requested.wait()
            while self._waiting:
                job = self._running = self._waiting.popleft()
                try:
                    await self._run_job(job)
                finally:
                    self._running = None
                    self._end(job, job.state)
            self._requested.clear()

    async def _run_job(self, job: ModelJob) -> None:
        self._begin(job)
        options = [] if job.kind == "rm" else ["--json", "--json-progress"]
        names = [job.model] if job.model else []
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *(*NICE, *self._command(job.kind), *options, *names),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
                start_new_session=True,
            )
        except OSError as error:  # for example, no memory for another process
            job.state, job.message = "failed", f"the process could not begin: {error}"
            return
        try:
            if job.state == "cancelled":  # while it was started
                process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            assert process.stderr is not None
            _, errors = await asyncio.gather(
                self._follow(job, process.stdout), process.stderr.read()
            )
            self._conclude(job, await process.wait(), errors.decode("utf-8", "replace"))
        finally:
            self._process = None
            await stop_process(process, STOP_SECONDS, signal.SIGINT)  # as Ctrl-C does

    def _begin(self, job: ModelJob) -> None:
        job.state, job.began = "running", time.time()
        self._changed()

    async def _follow(self, job: ModelJob, output: asyncio.StreamReader) -> None:
        """Takes over the progress that the process prints, a JSON object a line."""
        since, before = time.monotonic(), 0
        async for line in output:
            with suppress(ValueError):
                news = json.loads(line)
                if not isinstance(news, dict):
                    continue
                if "step" in news:
                    job.step, job.done, job.total = news["step"], news["done"], news["total"]
                    since, before, job.speed = time.monotonic(), job.done, 0.0
                elif "done" in news:
                    job.done, job.total = news["done"], news["total"]
                    job.speed = (job.done - before) / max(0.1, time.monotonic() - since)
                elif "message" in news:
                    job.message = news["message"]
                elif "verified" in news:
                    job.faults = [f for f in news["verified"] if f["state"] != "good"]

    def _conclude(self, job: ModelJob, status: int, errors: str) -> None:
        """The command line ends with a sentence and advice on standard error where it failed."""
        if job.state == "cancelled":
            return
        lines = [line for line in errors.splitlines() if line.strip()]
        if status == 0:
            job.state = "done"
            return
        job.state = "failed"
        job.message = lines[0] if lines else f"the process ended with status {status}"
        job.advice = " ".join(lines[1:3])
        log.warning("%s %s failed: %s", job.kind, job.model, job.message)

    def _end(self, job: ModelJob, state: JobState) -> None:
        job.state = "cancelled" if state in ("queued", "running") else state
        job.ended = time.time()
        self._ended.append(job)
        self._changed()
