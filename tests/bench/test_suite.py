"""What the command line asks for."""

from pathlib import Path
from typing import Any

import pytest

from appliance.bench.suite import wanted
from appliance.errors import ApplianceError


def options(**given: Any) -> dict[str, Any]:  # noqa: ANN401  click's values
    plain = {
        **dict.fromkeys(("engines", "stt_model", "tts_model", "tts_voices")),
        **{"turns": 20, "sessions": (1, 10), "turns_each": 6, "speech": ()},
        **{"llm_url": "", "llm_model": "", "llm_first_token": 0.22, "llm_tokens": 50.0},
    }
    return plain | given


@pytest.mark.parametrize(
    ("engines", "has_models", "measured"),
    [
        (None, False, (True, False)),
        (None, True, (True, True)),
        ("starter", True, (True, False)),
        ("models", True, (False, True)),
        ("both", True, (True, True)),
    ],
)
def test_which_engines_are_measured(
    engines: str | None, has_models: bool, measured: tuple[bool, bool]
) -> None:
    asked = wanted(options(engines=engines), has_models=has_models)
    assert (asked.starter, asked.models) == measured


def test_named_models_are_measured_as_they_are_named(tmp_path: Path) -> None:
    asked = wanted(options(stt_model=tmp_path, tts_model=tmp_path), has_models=False)
    assert asked.models
    assert asked.named == {
        "STT__ENGINE": "whisper",
        "STT__MODEL": str(tmp_path),
        "TTS__ENGINE": "kokoro",
        "TTS__MODEL": str(tmp_path),
    }


def test_models_that_are_not_there_cannot_be_measured() -> None:
    with pytest.raises(ApplianceError, match="no models to measure"):
        wanted(options(engines="models"), has_models=False)
