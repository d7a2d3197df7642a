"""A conversation with this machine alone: Whisper hears, a model thinks, Kokoro speaks."""

from pathlib import Path

import numpy as np
import pytest
import soxr

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.client import calling
from appliance.engines import Voice
from appliance.engines.kokoro.engine import Kokoro
from tests.daemon import LEAD_IN, LEAD_OUT, running, speech
from tests.e2e.test_managed_model import state_of
from tests.llm.test_managed_server import free_port
from tests.released import LANGUAGE_MODEL

pytestmark = [pytest.mark.released, pytest.mark.slow]

PROMPT = (
    "You know geography and history very well. Tell people what they ask in a short sentence."
    " Timers are set by somebody else."
)
PATIENCE = 240.0  # the model has one core, which the engines need as well


async def spoken(models: Path, text: str) -> bytes:
    """A sentence in Kokoro's voice, as a microphone hears it."""
    voices = models / "voices-v1.0.bin"
    kokoro = await Kokoro.load(models / "kokoro-v1.0.int8.onnx", voices, "cpu", 2)
    try:
        chunks = [chunk async for chunk in kokoro.synthesize(text, Voice("af_sarah"))]
    finally:
        await kokoro.close()
    samples = np.frombuffer(b"".join(chunks), np.int16).astype(np.float32)
    heard = soxr.resample(samples, OUTPUT_RATE, INPUT_RATE).astype("<i2").tobytes()
    return LEAD_IN + bytes(heard) + LEAD_OUT


async def test_a_question_is_answered_and_a_command_acts(
    released_language_model: Path, tmp_path: Path
) -> None:
    timer = await spoken(released_language_model, "Set a timer for ten minutes.")
    settings = {
        "APPLIANCE__MODELS__DIRECTORY": str(released_language_model),
        "APPLIANCE__STT__MODEL": "base",
        "APPLIANCE__TTS__MODEL": "kokoro-v1.0.int8",
        "APPLIANCE__LLM__MODEL": LANGUAGE_MODEL,
        "APPLIANCE__LLM__PORT": str(free_port()),
        "APPLIANCE__LLM__FIRST_TOKEN_SECONDS": str(PATIENCE),
        "APPLIANCE__LLM__MAX_TOKENS": "24",
        "APPLIANCE__LLM__TEMPERATURE": "0",
        # Half a billion parameters easily take a question for a call, the more so the more tools
        # there are.
        "APPLIANCE__TOOLS__ENABLED": '["set_timer"]',
        "APPLIANCE__LLM__SYSTEM_PROMPT": PROMPT,
    }
    async with running(tmp_path / "state", settings, seconds=240) as daemon:
        found = await state_of(daemon, "ready", PATIENCE)
        assert found["name"] == LANGUAGE_MODEL
        async with calling(daemon.base_url) as call:
            end = await call.say(speech("what_is_the_capital_of_france"))
            heard = await call.wait_for(
                lambda a: a.kind == "user-transcription", since=end, seconds=PATIENCE
            )
            assert "capital of france" in heard.data["text"].lower()
            for kind in ("bot-llm-text", "audio", "bot-stopped-speaking"):
                await call.wait_for(lambda a, k=kind: a.kind == k, since=end, seconds=PATIENCE)  # type: ignore[misc]
            said = "".join(a.data["text"] for a in call.after(end, "bot-llm-text"))
            assert "france" in said.lower()
            assert "{" not in said
            end = await call.say(timer)
            rung = await call.wait_for(
                lambda a: a.data.get("type") == "timer", since=end, seconds=PATIENCE
            )
            assert rung.data["state"] == "set"
            await call.wait_for(
                lambda a: a.kind == "bot-stopped-speaking", since=end, seconds=PATIENCE
            )
        _, kept = await daemon.get(f"/api/conversations/{call.conversation_id}")
        answers = [event["data"] for event in kept["events"] if event["kind"] == "answer"]
        assert [answer["left_the_box"] for answer in answers] == [False, False]
        assert answers[0]["engines"]["llm"].startswith(LANGUAGE_MODEL)
