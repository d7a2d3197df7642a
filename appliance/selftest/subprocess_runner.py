"""Self-tests that the page asks for: each a process of its own, so that none harms the daemon.

The process is that of the command line. It writes how far it has come and what it found where
every self-test does (`store/selftests.py`), so the page shows those of the night and of the
terminal as well.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from appliance.bench.server import stop
from appliance.errors import SelftestRunning
from appliance.llm.probe import ProbeResult
from appliance.selftest import history
from appliance.selftest.report_store import Selftests
from appliance.selftest.runner import TOTAL_SECONDS

log = logging.getLogger(__name__)

SPARE_SECONDS = 60.0  # to start, and to end: a process that takes longer hangs
STOP_SECONDS = 5.0
RAN = (0, 1)  # exit statuses with a report, if it could be kept; else there is none

_UNKEPT = (
    "The result could not be kept, so there is none: the disk may be full, or the self-test broke"
    " off. `journalctl -u voice-appliance` tells which."
)


class SelftestRunner:
    """One for the life of the daemon. `command` runs a self-test.

    `ask` asks the language model for one of them, `knock` the Realtime server.
    """

    def __init__(
        self,
        kept: Selftests,
        command: Sequence[str],
        ask: Callable[[], Awaitable[ProbeResult]],
        knock: Callable[[], Awaitable[ProbeResult]],
    ) -> None:
        self.ask = ask
        self.knock = knock
        self._kept = kept
        self._command = tuple(command)
        self._asked = asyncio.Event()
        self._trouble = ""

    def shown(self) -> dict[str, Any]:
        """What the page shows: whether one is under way and how far, the last, those before."""
        reports = self._kept.all()
        return {
            "running": self._asked.is_set() or self._kept.running(),
            "progress": self._kept.progress(),
            "trouble": self._trouble,
            "report": reports[-1] if reports else None,
            "history": [history.line(report) for report in reports],
        }

    def start(self) -> None:
        """Begins one. Raises SelftestRunning."""
        if self._asked.is_set() or self._kept.running():
            raise SelftestRunning("a self-test is under way already")
        self._trouble = ""
        self._asked.set()

    async def run(self) -> None:
        """Runs those that are asked for, until it is cancelled, and the one under way with it."""
        while True:
            await self._asked.wait()
            try:
                await self._test()
            finally:
                self._asked.clear()

    async def _test(self) -> None:
        before = self._kept.last()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:  # no memory for another process, perhaps
            self._trouble = f"The self-test could not begin: {error}."
            log.error("%s", self._trouble)
            return
        try:
            async with asyncio.timeout(TOTAL_SECONDS + SPARE_SECONDS):
                status = await process.wait()
        except TimeoutError:
            self._trouble = "The self-test hung and was ended."
        else:
            if status not in RAN:
                self._trouble = (
                    f"The self-test could not run (exit status {status});"
                    " `journalctl -u voice-appliance` tells why."
                )
            elif self._kept.last() == before:  # 1 is also what Python ends with where it breaks off
                self._trouble = _UNKEPT
        finally:
            await stop(process, STOP_SECONDS)
        if self._trouble:
            log.error("%s", self._trouble)
