"""Runs the self-tests that the page starts, each in a process of its own.

The process is the command line's `appliance selftest`, so it cannot harm the daemon. It writes
progress and report where every self-test does (`report_store`), so the page shows those of the
night and of the terminal as well.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from appliance.concurrency import logged_lines, stop_process
from appliance.errors import SelftestRunning
from appliance.selftest import report_text
from appliance.selftest.report_store import Document, ReportStore
from appliance.selftest.runner import TOTAL_SECONDS

log = logging.getLogger(__name__)

MARGIN_SECONDS = 60.0  # to start and to end; a process that takes longer hangs
STOP_SECONDS = 5.0
COMPLETED = (0, 1)  # exit statuses of a self-test that made a report

_NOT_STORED = (
    "The result could not be kept, so there is none: the disk may be full, or the self-test broke"
    " off. `journalctl -u voice-appliance` tells which."
)


class SelftestRunner:
    """Runs self-tests on request, one at a time, for the life of the daemon.

    `command` is the command line of a self-test.
    """

    def __init__(self, store: ReportStore, command: Sequence[str]) -> None:
        self._store = store
        self._command = tuple(command)
        self._requested = asyncio.Event()
        self._error = ""

    def state(self) -> dict[str, Any]:
        """Returns the body of GET /api/selftest."""
        reports = self._store.reports()
        return {
            "running": self._requested.is_set() or self._store.running(),
            "progress": self._store.progress(),
            "trouble": self._error,
            "report": reports[-1] if reports else None,
            "history": [report_text.history_entry(report) for report in reports],
        }

    def start(self) -> None:
        """Requests a self-test. Raises SelftestRunning."""
        if self._requested.is_set() or self._store.running():
            raise SelftestRunning("a self-test is under way already")
        self._error = ""
        self._requested.set()

    async def run(self) -> None:
        """Runs the requested self-tests until cancelled; that ends the one under way, too."""
        while True:
            await self._requested.wait()
            try:
                await self._run_process()
            finally:
                self._requested.clear()

    async def _run_process(self) -> None:
        before = self._store.latest()
        async with logged_lines("self-test") as errors:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:  # for example, no memory for another process
                self._error = f"The self-test could not begin: {error}."
            else:
                await self._judge(process, before)
        if self._error:
            log.error("%s", self._error)

    async def _judge(self, process: asyncio.subprocess.Process, before: Document | None) -> None:
        """Waits for the end of a self-test, and notes why there is no new result, if so."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS + MARGIN_SECONDS):
                status = await process.wait()
        except TimeoutError:
            self._error = "The self-test hung and was ended."
        else:
            if status not in COMPLETED:
                self._error = (
                    f"The self-test could not run (exit status {status});"
                    " `journalctl -u voice-appliance` tells why."
                )
            elif self._store.latest() == before:  # Python exits with 1 after a traceback, too
                self._error = _NOT_STORED
        finally:
            await stop_process(process, STOP_SECONDS)
