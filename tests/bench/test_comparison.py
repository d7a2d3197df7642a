"""Both contenders for real, for a few turns: every figure is measured, whatever its value."""

import json
import os
from pathlib import Path

import pytest

from appliance.bench import comparison
from appliance.bench.chart import render_svg
from appliance.bench.comparison import ComparisonSize
from appliance.bench.contenders import OURS, STOCK, BenchSetup, ModelEngines, TimedEngines
from appliance.bench.recordings import LONGEST, load_recordings
from appliance.bench.scripted_llm import TokenPace
from tests.daemon import FIXTURES

SETUP = BenchSetup((), os.environ, lambda message: None)
RECORDINGS = load_recordings([LONGEST.with_name("tacos_al_pastor_are_my_favorite.wav")])
SMALL = ComparisonSize(
    turns=1, interruptions=2, commands=1, sessions=1, ramp=(1,), ramp_turns=1, warm_up_turns=1
)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_claim_is_measured_with_both_contenders() -> None:
    found = await comparison.compare_timed(
        TimedEngines(20, 20), RECORDINGS, RECORDINGS[0], SMALL, SETUP
    )
    assert found.unanswered == 0
    assert [row.what.split(",")[0] for row in found.rows] == [
        "first audio",
        "first audio",
        "first audio",
        "barge-in to last sound",
        "memory of an idle session",
        "memory of an active session",
        "event loop stands still as a session begins",
        "sessions before p95 doubles",
    ]
    for row in found.rows:
        assert row.ours is not None, row
        assert row.stock is not None, row
        assert row.met is not None, row
    for turns in found.turns:
        assert turns.turns == 2
        for name in (OURS, STOCK):
            assert all(spread and spread.count == 1 for spread in turns.stages[name].values())
    kept = json.loads(json.dumps(found.as_json()))
    assert kept["ramps"][STOCK][0]["sessions"] == 1
    assert render_svg([found]).startswith("<svg")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_real_models_go_through_pipecats_own_services() -> None:
    kokoro = FIXTURES / "micro_kokoro"
    engines = ModelEngines(
        whisper=FIXTURES / "micro_whisper" / "model",
        kokoro=next(kokoro.glob("*.onnx")),
        voices=next(kokoro.glob("voices*.bin")),
        voice="af_heart",
    )
    recordings = load_recordings(
        [Path(FIXTURES, "micro_whisper", "utterances", "good_morning.wav")]
    )
    found = await comparison.compare_models(
        engines, recordings, recordings, SMALL, TokenPace(0.02, 500), SETUP
    )
    assert found.unanswered == 0
    assert all(row.met is not None for row in found.rows)
    assert found.commands is not None
    for name in (OURS, STOCK):
        assert found.turns[0].holes[name] is not None
