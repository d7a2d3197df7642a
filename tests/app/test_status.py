"""The status report does not wait for a sensor that hangs, and tells of the history's trouble."""

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.app import status
from appliance.config.loader import load
from appliance.conversation import Task
from appliance.hardware import telemetry
from appliance.hardware.detect import detect
from appliance.hardware.plan import plan
from appliance.hardware.telemetry import Readings
from appliance.observability.log_ring import LogRing
from appliance.store.records import StoreStats

Anything: Any = SimpleNamespace


async def test_a_sensor_that_hangs_leaves_the_gauges_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release, readers = threading.Event(), threading.Event(), []

    def read(**_disk: Path) -> Readings:
        readers.append(threading.current_thread())
        begun.set()
        release.wait()
        return Readings(load=0.5)

    config = load([], {"APPLIANCE__STORE__PATH": str(tmp_path / "voice.db")})
    made = plan(detect(tmp_path), config, {})
    runtime = Anything(
        **{"ready": True, "open_count": 0, "limit": 1, "first_route": "local"},
        model=Anything(report=dict),
        engines=Anything(states=dict, memory_state=dict, plan=made),
    )

    async def no_tasks(**_filters: object) -> list[Task]:
        return []

    store = Anything(
        stats=lambda: StoreStats(0, 0, 0, 0, 0.0),
        trouble="full",
        quarantined=None,
        tasks=Anything(listed=no_tasks),
    )
    monkeypatch.setattr(telemetry, "read", read)
    monkeypatch.setattr(status, "GAUGE_SECONDS", 0.05)
    report = status.StatusReport(
        config, runtime, store, Anything(), LogRing(), Anything(notice=None), str
    )
    for _ in range(2):
        assert (await report.status())["gauges"]["load"] is None
        assert await asyncio.to_thread(begun.wait, 10)
    assert len(readers) == 1
    release.set()
    readers[0].join()
    monkeypatch.setattr(status, "GAUGE_SECONDS", 60)
    found = await report.status()
    assert found["gauges"]["load"] == 0.5
    assert [alert["code"] for alert in found["alerts"]] == ["history_full"]
