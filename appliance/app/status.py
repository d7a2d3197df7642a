"""Reports the state of the appliance: /health, /api/status and /metrics."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.app.alerts import Condition, alerts
from appliance.app.release import release
from appliance.app.retention import Retention
from appliance.app.voice_runtime import VoiceRuntime
from appliance.concurrency import run_in_daemon_thread
from appliance.config.loader import Config
from appliance.conversation import TaskState
from appliance.hardware import telemetry
from appliance.observability.log_ring import LogRing
from appliance.observability.metrics import Metrics
from appliance.observability.versions import package_versions
from appliance.store.store import Store

log = logging.getLogger(__name__)

MOST_TASKS = 1000  # that are counted
GAUGE_SECONDS = 2.0  # the longest that a request for the status waits for the sensors
OPEN_ACCESS = (
    "Access is open: whoever reaches this address can talk, read every conversation and delete it."
    ' Set access.mode = "paired" unless this network is closed.'
)


class StatusReport:
    """The answers of /health, /api/status and /metrics.

    `access_warnings` are sentences that every user of the appliance should read. `address` gives
    the address of the public server; empty until it listens. `log_entries` are those of /api/logs.
    """

    def __init__(
        self,
        config: Config,
        runtime: VoiceRuntime,
        store: Store,
        metrics: Metrics,
        log_ring: LogRing,
        retention: Retention,
        address: Callable[[], str],
    ) -> None:
        self.access_warnings = (OPEN_ACCESS,) if config.access.mode == "open" else ()
        self._disk = config.store.path.parent
        self._runtime = runtime
        self._store = store
        self._retention = retention
        self._metrics = metrics
        self.log_entries = log_ring.entries
        self._address = address
        self._started = time.monotonic()
        self._reading: asyncio.Task[telemetry.Readings] | None = None

    @property
    def _warnings(self) -> tuple[str, ...]:
        return (*self.access_warnings, *self._runtime.engines.plan.warnings)

    def log_warnings(self) -> None:
        """Writes the warnings of /api/status to the log as well."""
        for warning in self._warnings:
            log.warning("%s", warning)

    def health(self) -> dict[str, Any]:
        """The answer of /health: cheap enough to ask every second."""
        runtime, trouble = self._runtime, self._store.trouble
        return {
            "status": "degraded" if trouble else "ok",
            "history": trouble or "ok",
            "version": __version__,
            "uptime_seconds": round(time.monotonic() - self._started, 1),
            "ready": runtime.ready,
            "sessions": runtime.open_count,
            "session_limit": runtime.limit,
            "resident_bytes": resident_bytes(),
            "route": runtime.first_route,
            "engines": runtime.engines.states(),
            "language_model": runtime.model.report(),
            "memory": runtime.engines.memory_state(),
        }

    async def status(self) -> dict[str, Any]:
        """The answer of /api/status: the plan with its reasons, the machine's gauges, the store."""
        gauges, runtime, health = await self._gauges(), self._runtime, self.health()
        found, tasks = alerts(self._condition(gauges, health)), await self._tasks()
        return {
            **health,
            "alerts": [asdict(alert) for alert in found],
            "release": asdict(release()),
            "versions": package_versions(),
            "tasks": tasks,
            "access": "open" if self.access_warnings else "paired",
            "address": self._address(),
            "warnings": list(self._warnings),
            "plan": runtime.engines.plan.as_dict(),
            "gauges": asdict(gauges),
            "store": asdict(self._store.stats()),
        }

    def _condition(self, gauges: telemetry.Readings, health: Mapping[str, Any]) -> Condition:
        return Condition(
            readings=gauges,
            engines=health["engines"],
            memory=health["memory"],
            store=self._store.stats(),
            history_trouble=self._store.trouble,
            quarantined=self._store.quarantined is not None,
            is_open=bool(self.access_warnings),
            plan_warnings=self._runtime.engines.plan.warnings,
            retention=self._retention.notice,
        )

    async def _tasks(self) -> dict[str, int]:
        """The tasks of the agents that have not ended, by state."""
        waiting = (TaskState.ACCEPTED, TaskState.RUNNING)
        found = await self._store.tasks.listed(limit=MOST_TASKS, states=waiting)
        return {state.value: sum(task.state is state for task in found) for state in waiting}

    async def _gauges(self) -> telemetry.Readings:
        """The gauges now; empty readings where a sensor behind a slow bus takes too long.

        Read on a thread, because it would hold up everybody's audio, and on one at a time.
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
        """The answer of /metrics, as Prometheus text."""
        self._metrics.store(self._store.stats().failed, self._store.stats().queued)
        return self._metrics.text()


def resident_bytes() -> int:
    """The memory that this process has in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
