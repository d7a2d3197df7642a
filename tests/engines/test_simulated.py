"""Simulated engines: their times, texts and sounds."""

import asyncio

import pytest

from appliance.audio.format import OUTPUT_RATE
from appliance.config.loader import load
from appliance.engines import CHARACTERS_PER_SECOND, Voice
from appliance.engines.factory import synthesizer_loaders, transcriber_loaders
from appliance.engines.simulated import (
    SIMULATED_TRANSCRIPT,
    SimulatedSynthesizer,
    SimulatedTranscriber,
    duration,
)
from appliance.errors import ModelMissing
from appliance.hardware.planner import plan_for
from tests.engines.sound import level, seconds, spoken

TEXT = "Rivers carry minerals into it."


def configured(stt: str, tts: str) -> dict[str, str]:
    return {
        "APPLIANCE__STT__ENGINE": "timed",
        "APPLIANCE__STT__MODEL": stt,
        "APPLIANCE__TTS__ENGINE": "timed",
        "APPLIANCE__TTS__MODEL": tts,
    }


@pytest.mark.parametrize(("model", "expected"), [("90ms", 0.09), ("0ms", 0), ("2.5ms", 0.0025)])
def test_the_name_of_a_model_is_its_time(model: str, expected: float) -> None:
    assert duration(model) == expected


@pytest.mark.parametrize("model", ["auto", "90", "-1ms", "90s", "1e3ms", ""])
def test_other_names_are_refused(model: str) -> None:
    with pytest.raises(ModelMissing, match="no timed model"):
        duration(model)


async def test_all_audio_has_the_same_transcript_and_requests_do_not_queue() -> None:
    engine = SimulatedTranscriber(0.2)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    heard = await asyncio.gather(*(engine.transcribe(bytes(2), "de") for _ in range(100)))
    taken = loop.time() - begin
    assert {transcript.text for transcript in heard} == {SIMULATED_TRANSCRIPT}
    assert heard[0].language == "de"
    assert 0.2 <= taken < 100 * 0.2


async def test_sound_is_audible_and_as_long_as_its_text() -> None:
    engine = SimulatedSynthesizer(0)
    pcm = await spoken(engine, TEXT)
    assert seconds(pcm) == pytest.approx(len(TEXT) / CHARACTERS_PER_SECOND, abs=1 / OUTPUT_RATE)
    assert -25 < level(pcm) < -10
    faster = await spoken(engine, TEXT, Voice(speed=2))
    assert len(faster) == pytest.approx(len(pcm) / 2, abs=2)
    assert await spoken(engine, " ... ") == b""


async def test_they_are_configured_by_name_and_have_no_starter_below() -> None:
    config = load([], configured("90ms", "80ms"))
    plan = plan_for(config)
    assert not plan.warnings
    assert plan.stt.better == 'stt.engine = "auto"'
    [stt], [tts] = transcriber_loaders(plan, config, ""), synthesizer_loaders(plan, config)
    assert (stt.name, tts.name) == ("timed 90ms", "timed 80ms")
    assert (await stt.load()).name == "timed 90ms"
    assert (await tts.load()).name == "timed 80ms"


async def test_a_name_that_is_no_time_fails_when_it_is_loaded() -> None:
    config = load([], configured("soon", "80ms"))
    with pytest.raises(ModelMissing, match="soon"):
        await transcriber_loaders(plan_for(config), config, "")[0].load()
