"""How the appliance describes itself: to pages, to people and to programs."""

import asyncio
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.desk import Desk
from appliance.hardware import telemetry
from appliance.hardware.plan import Plan
from appliance.metrics import Metrics
from appliance.store import Store

OPEN_ACCESS = (
    "Access is open: whoever reaches this address can talk, read every conversation and delete it."
    ' Set access.mode = "paired" unless this network is closed.'
)


class Report:
    """The answers of /health, /api/status and /metrics.

    `access_warnings` are what everybody should know who talks here, in sentences.
    """

    def __init__(
        self,
        plan: Plan,
        desk: Desk,
        store: Store,
        metrics: Metrics,
        disk: Path,
        *,
        open_access: bool = False,
    ) -> None:
        self.access_warnings = (OPEN_ACCESS,) if open_access else ()
        self._plan = plan
        self._desk = desk
        self._store = store
        self._metrics = metrics
        self._disk = disk
        self._started = time.monotonic()

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
        # On a thread: a sensor behind a slow bus would hold up everybody's sound.
        gauges = await asyncio.to_thread(telemetry.read, disk=self._disk)
        return {
            **self.health(),
            "warnings": [*self.access_warnings, *self._plan.warnings],
            "plan": asdict(self._plan),
            "gauges": asdict(gauges),
            "store": asdict(self._store.stats()),
        }

    def metrics(self) -> bytes:
        """Prometheus text."""
        self._metrics.store(self._store.stats().failed, self._store.stats().queued)
        return self._metrics.text()


def resident_bytes() -> int:
    """The memory this process has in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
