"""Both contenders for real, talked to for a moment; what the figures are is not asked."""

import json
import os
from pathlib import Path

import pytest

from appliance.bench import comparison
from appliance.bench.chart import drawing
from appliance.bench.comparison import Extent
from appliance.bench.contenders import OURS, STOCK, BenchSetup, Timed, Weights
from appliance.bench.recordings import LONGEST, sentences
from appliance.bench.scripted_llm import TokenPace
from tests.daemon import FIXTURES

AROUND = BenchSetup((), os.environ, lambda told: None)
SAID = sentences([LONGEST.with_name("tacos_al_pastor_are_my_favorite.wav")])
BRIEFLY = Extent(turns=1, interruptions=2, sessions=1, crowds=(1,), crowd_turns=1, settle=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_row_is_measured_with_both() -> None:
    found = await comparison.timed(Timed(20, 20), SAID, SAID[0], BRIEFLY, AROUND)
    assert found.unanswered == 0
    assert [row.what.split(",")[0] for row in found.rows] == [
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
    for exchange in found.exchanges:
        assert exchange.turns == 2
        for name in (OURS, STOCK):
            assert all(spread and spread.count == 1 for spread in exchange.stages[name].values())
    kept = json.loads(json.dumps(found.as_json()))
    assert kept["ramps"][STOCK][0]["sessions"] == 1
    assert drawing([found]).startswith("<svg")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_real_models_go_through_pipecats_own_services() -> None:
    kokoro = FIXTURES / "micro_kokoro"
    weights = Weights(
        whisper=FIXTURES / "micro_whisper" / "model",
        kokoro=next(kokoro.glob("*.onnx")),
        voices=next(kokoro.glob("voices*.bin")),
        voice="af_heart",
    )
    said = sentences([Path(FIXTURES, "micro_whisper", "utterances", "good_morning.wav")])
    found = await comparison.weighty(weights, said, BRIEFLY, TokenPace(0.02, 500), AROUND)
    assert found.unanswered == 0
    assert [row.met is not None for row in found.rows] == [True, True]
