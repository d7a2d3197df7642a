"""A turn of a real appliance leaves a trace of all that it spent its time on."""

from pathlib import Path

import pytest

from appliance.client import calling
from appliance.observability.turn_trace import TurnTrace
from tests.chat_server import chat_server
from tests.daemon import MICRO_MODELS, command, running

pytestmark = pytest.mark.slow

ANSWER = "The weather is fine today, and it will stay so. Take no umbrella with you."


async def test_a_spoken_turn_leaves_all_its_steps(tmp_path: Path) -> None:
    async with chat_server(lambda _messages: ANSWER) as chat:
        overrides = {
            **MICRO_MODELS,
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
        }
        async with running(tmp_path, overrides) as daemon:
            async with calling(daemon.base_url) as call:
                end = await call.say(command("what_is_the_weather_in_paris"))
                await call.wait_for(
                    lambda a: a.kind == "bot-stopped-speaking", since=end, seconds=60
                )
            _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
            shown = daemon.command_line("turns", "show").stdout
            queued = await daemon.metric("appliance_engine_queue_seconds_count")
            factors = await daemon.metric("appliance_engine_real_time_factor_count")
        log = "".join(daemon.log)
    trace = TurnTrace.from_json(
        [e for e in kept["events"] if e["kind"] == "turn_trace"][-1]["data"]
    )
    assert trace.pauses[-1].resumed is None
    assert trace.verdicts
    assert all(step.begun is not None for step in trace.transcriptions if step.done)
    assert trace.transcriptions[-1].windows == (8.0,)
    assert sum(piece.speech_seconds for piece in trace.pieces) > 1
    assert all(piece.begun is not None for piece in trace.pieces if piece.done)
    assert queued >= len(trace.pieces) + 1
    assert factors >= 2
    assert "first audio" in shown
    assert "hearing" in shown
    assert ": first audio " in log
    assert "umbrella" not in log
