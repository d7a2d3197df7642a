"""A slow TTS engine lengthens the time-outs of the whole turn."""

import json
from pathlib import Path

import pytest

from appliance.config.loader import load
from appliance.selftest.check import Verdict
from appliance.selftest.checks import full_turn
from appliance.selftest.context import gather
from appliance.selftest.daemon_client import DaemonClient
from tests.daemon import running
from tests.faulty import DAWDLE_SECONDS, DAWDLES, FAULTS
from tests.install.shell import free_ports

pytestmark = pytest.mark.slow


async def test_the_answer_of_a_slow_voice_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = tmp_path / "faults"
    faults.write_text(json.dumps({"espeak": DAWDLES}))
    settings = {
        FAULTS: str(faults),
        "APPLIANCE__SERVER__PORT": str(free_ports(1)[0]),
        "APPLIANCE__ACCESS__MODE": "paired",
    }
    # Shorter than the engine takes, so that the answer needs the extra time.
    monkeypatch.setattr(full_turn, "ANSWER_SECONDS", 0.9 * DAWDLE_SECONDS)
    async with running(tmp_path / "state", settings, module="tests.faulty") as daemon:
        context = await gather(load([], daemon.environment), {})
        assert isinstance(context.daemon, DaemonClient)
        finding = await full_turn.FullTurnCheck().run(context)
    assert "was understood and answered 'It is " in finding.message, finding
    assert finding.figures["first_sound_at_client_ms"] > 1000 * DAWDLE_SECONDS
    assert finding.verdict in (Verdict.OK, Verdict.WARNING)  # late, perhaps
