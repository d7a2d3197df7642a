"""/health and /api/status report the route, the engine ladders and the memory."""

from pathlib import Path

import pytest

from tests.daemon import MICRO_MODELS, running

pytestmark = pytest.mark.slow


async def test_health_reports_the_route_and_the_session_limit(tmp_path: Path) -> None:
    settings = {
        "OPENAI_API_KEY": "sk-nobody-s",
        "APPLIANCE__FALLBACK__POLICY": "always",
        "APPLIANCE__REALTIME__BASE_URL": "ws://127.0.0.1:9",
        "APPLIANCE__LIMITS__SESSIONS": "3",
    }
    async with running(tmp_path, settings) as daemon:
        _, health = await daemon.get("/health")
    assert (health["route"], health["session_limit"]) == ("realtime", 3)


async def test_health_reports_the_ladders_and_the_memory(tmp_path: Path) -> None:
    async with running(tmp_path, MICRO_MODELS) as daemon:
        _, health = await daemon.get("/health")
        for kind, starter in (("stt", "sphinx"), ("tts", "espeak")):
            engine = health["engines"][kind]
            assert (engine["state"], engine["why"]) == ("ready", "the first choice of the plan")
            assert engine["since"] >= engine["ladder"][-1]["since"]
            assert (engine["ladder"][-1]["name"], engine["ladder"][-1]["state"]) == (
                starter,
                "ready",
            )
        memory = health["memory"]
        assert memory["available"] > 0
        assert memory["state"] in ("ok", "tight", "critical")
        assert await daemon.metric("appliance_memory_available_bytes") > 0
        _, status = await daemon.get("/api/status")
        assert set(status["memory"]) == {"available", "state", "action"}
