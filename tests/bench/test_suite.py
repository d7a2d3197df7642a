"""The options of the suite from those of the command line."""

from pathlib import Path
from typing import Any

import pytest

from appliance.bench.suite import KINDS, suite_options
from appliance.errors import ApplianceError


def arguments(**given: Any) -> dict[str, Any]:  # noqa: ANN401  click's values
    plain = {
        **dict.fromkeys(("against", "stt_model", "tts_model", "tts_voices")),
        **{"engines": (), "turns": 20, "sessions": (1, 10), "turns_each": 6, "speech": ()},
        **{
            "llm": "scripted",
            "llm_url": "",
            "llm_model": "",
            "llm_first_token": 0.22,
            "llm_tokens": 50.0,
        },
        **{"interruptions": 12, "ramp": (1, 8), "random_dir": Path("r"), "random_python": "p"},
    }
    return plain | given


@pytest.mark.parametrize(
    ("engines", "has_models", "measured"),
    [
        ((), False, ["starter"]),
        ((), True, ["starter", "models"]),
        (("starter",), True, ["starter"]),
        (("models",), True, ["models"]),
        (("random", "timed"), False, ["timed", "random"]),
        (("starter", "models", "timed", "random"), True, list(KINDS)),
    ],
)
def test_which_engines_are_measured(
    engines: tuple[str, ...], has_models: bool, measured: list[str]
) -> None:
    options = suite_options(arguments(engines=engines), has_models=has_models)
    assert [kind for kind in KINDS if getattr(options, kind)] == measured
    assert options.against_stock is None


def test_against_stock_the_timed_engines_are_the_usual_ones() -> None:
    options = suite_options(arguments(against="stock", ramp=(0,)), has_models=True)
    assert [kind for kind in KINDS if getattr(options, kind)] == ["timed"]
    assert options.against_stock is not None
    assert options.against_stock.ramp == ()


def test_there_is_no_stock_service_of_the_starter_engines() -> None:
    with pytest.raises(ApplianceError, match="no services of the starter engines"):
        suite_options(arguments(against="stock", engines=("starter",)), has_models=True)


def test_named_models_are_measured_as_they_are_named(tmp_path: Path) -> None:
    options = suite_options(arguments(stt_model=tmp_path, tts_model=tmp_path), has_models=False)
    assert options.models
    assert options.model_settings == {
        "STT__ENGINE": "whisper",
        "STT__MODEL": str(tmp_path),
        "TTS__ENGINE": "kokoro",
        "TTS__MODEL": str(tmp_path),
    }


def test_models_that_are_not_there_cannot_be_measured() -> None:
    with pytest.raises(ApplianceError, match="no models to measure"):
        suite_options(arguments(engines=("models",)), has_models=False)


def test_a_voice_with_its_settings_beside_it_is_one_of_piper(tmp_path: Path) -> None:
    voice = tmp_path / "en_US-joe-medium.onnx"
    voice.with_name(f"{voice.name}.json").touch()
    options = suite_options(arguments(tts_model=voice), has_models=False)
    assert options.model_settings["TTS__ENGINE"] == "piper"


@pytest.mark.parametrize("llm", ["scripted", "managed"])
def test_who_answers_is_passed_on(llm: str) -> None:
    options = suite_options(arguments(llm=llm, llm_model="one"), has_models=True)
    assert (options.llm, options.llm_model) == (llm, "one")
