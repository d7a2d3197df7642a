"""The files of the models that the plan chooses."""

import os
from pathlib import Path

import pytest

from appliance.bench import on_disk
from appliance.bench.contenders import BenchSetup
from appliance.errors import ApplianceError
from tests.daemon import MICRO_MODELS

AROUND = BenchSetup((), os.environ, lambda told: None)
NAMED = {key.removeprefix("APPLIANCE__"): value for key, value in MICRO_MODELS.items()}


def test_named_models_are_those_that_are_loaded() -> None:
    found = on_disk.weights(NAMED, AROUND)
    assert str(found.whisper) == NAMED["STT__MODEL"]
    assert str(found.kokoro) == NAMED["TTS__MODEL"]
    assert str(found.voices) == NAMED["TTS__VOICES"]
    assert found.voice == "af_heart"


def test_the_voices_beside_a_model_are_found() -> None:
    named = {**NAMED, "TTS__VOICES": "auto"}
    assert on_disk.weights(named, AROUND).voices == Path(NAMED["TTS__VOICES"])


def test_half_of_the_models_is_not_enough() -> None:
    named = {key: value for key, value in NAMED.items() if not key.startswith("TTS")}
    with pytest.raises(ApplianceError, match="a Whisper and a Kokoro"):
        on_disk.weights({**named, "TTS__ENGINE": "espeak"}, AROUND)
