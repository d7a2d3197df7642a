"""What the appliance tells of itself does not depend on a sensor that tells nothing."""

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.app import status
from appliance.config.loader import load
from appliance.hardware import telemetry
from appliance.hardware.detect import detect
from appliance.hardware.plan import plan
from appliance.hardware.telemetry import Readings
from appliance.store.records import StoreStats

Anything: Any = SimpleNamespace


async def test_a_sensor_that_hangs_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, thaw, asked = threading.Event(), threading.Event(), []

    def read(**_disk: Path) -> Readings:
        asked.append(threading.current_thread())
        begun.set()
        thaw.wait()
        return Readings(load=0.5)

    runtime = Anything(
        **{"ready": True, "open_count": 0, "limit": 1, "first_route": "local"},
        engines=Anything(states=dict, memory_state=dict),
    )
    store = Anything(stats=lambda: StoreStats(0, 0, 0, 0, 0.0))
    config = load([], {"APPLIANCE__STORE__PATH": str(tmp_path / "voice.db")})
    made = plan(detect(tmp_path), config, {})
    monkeypatch.setattr(telemetry, "read", read)
    monkeypatch.setattr(status, "GAUGE_SECONDS", 0.05)
    report = status.StatusReport(config, made, runtime, store, Anything(), str)
    for _ in range(2):
        assert (await report.status())["gauges"]["load"] is None
        assert await asyncio.to_thread(begun.wait, 10)
    assert len(asked) == 1
    thaw.set()
    asked[0].join()
    monkeypatch.setattr(status, "GAUGE_SECONDS", 60)
    assert (await report.status())["gauges"]["load"] == 0.5
