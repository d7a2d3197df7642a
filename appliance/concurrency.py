"""What is done beside everything else: kept until it is done, and what goes wrong is told."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from appliance.errors import ApplianceError

log = logging.getLogger(__name__)


class Errands:
    """Jobs nobody waits for. For one event loop."""

    def __init__(self) -> None:
        self._jobs: set[asyncio.Task[None]] = set()

    def run(self, job: Coroutine[Any, Any, None], name: str) -> None:
        """Starts a job; `name` completes "could not ..." where it fails."""
        task = asyncio.create_task(job, name=name)
        self._jobs.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._jobs.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ApplianceError):
            log.error("could not %s: %s %s", task.get_name(), error.message, error.advice)
        elif error is not None:
            log.error("could not %s", task.get_name(), exc_info=error)

    async def finish(self, seconds: float) -> None:
        """Returns when all are done; what is not by then is cancelled."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=seconds)
        await self.cancel()

    async def cancel(self) -> None:
        """Returns when none runs any more."""
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
