"""How the appliance describes itself: to pages, to people and to programs."""

import asyncio
import os
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.app.voice_runtime import VoiceRuntime
from appliance.concurrency import run_in_daemon_thread
from appliance.hardware import telemetry
from appliance.hardware.plan import Plan
from appliance.observability.metrics import Metrics
from appliance.store.store import Store

GAUGE_SECONDS = 2.0  # whoever asks for the status waits no longer for a sensor
OPEN_ACCESS = (
    "Access is open: whoever reaches this address can talk, read every conversation and delete it."
    ' Set access.mode = "paired" unless this network is closed.'
)


class StatusReport:
    """The answers of /health, /api/status and /metrics.

    `access_warnings` are what everybody should know who talks here, in sentences. `address` is
    where the public server listens, as soon as it does.
    """

    def __init__(
        self,
        plan: Plan,
        desk: VoiceRuntime,
        store: Store,
        metrics: Metrics,
        disk: Path,
        *,
        open_access: bool = False,
    ) -> None:
        self.access_warnings = (OPEN_ACCESS,) if open_access else ()
        self.address = ""
        self._plan = plan
        self._desk = desk
        self._store = store
        self._metrics = metrics
        self._disk = disk
        self._started = time.monotonic()
        self._reading: asyncio.Task[telemetry.Readings] | None = None

    def health(self) -> dict[str, Any]:
        """Cheap enough to ask every second."""
        return {
            "status": "ok",
            "version": __version__,
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "ready": self._desk.ready,
            "sessions": self._desk.open_count,
            "session_limit": self._desk.limit,
            "resident_bytes": resident_bytes(),
            "route": self._desk.first_route,
            "engines": self._desk.engine_states(),
            "memory": self._desk.memory_state(),
        }

    async def status(self) -> dict[str, Any]:
        """Everything: the plan with its reasons, the gauges of the machine, the store."""
        gauges = await self._gauges()
        return {
            **self.health(),
            "access": "open" if self.access_warnings else "paired",
            "address": self.address,
            "warnings": [*self.access_warnings, *self._plan.warnings],
            "plan": asdict(self._plan),
            "gauges": asdict(gauges),
            "store": asdict(self._store.stats()),
        }

    async def _gauges(self) -> telemetry.Readings:
        """The gauges now, or none where a sensor behind a slow bus keeps all waiting.

        On a thread, because it would hold up everybody's sound; and on one at a time.
        """
        if self._reading is None or self._reading.done():
            read = run_in_daemon_thread(partial(telemetry.read, disk=self._disk))
            self._reading = asyncio.create_task(read, name="gauges")
        try:
            async with asyncio.timeout(GAUGE_SECONDS):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            return telemetry.Readings()

    def metrics(self) -> bytes:
        """Prometheus text."""
        self._metrics.store(self._store.stats().failed, self._store.stats().queued)
        return self._metrics.text()


def resident_bytes() -> int:
    """The memory this process has in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
