"""Models of random weights, and those of the plan."""

import os
from pathlib import Path

import pytest

from appliance.bench import models
from appliance.bench.contenders import BenchSetup
from appliance.bench.models import RandomModels, planned_models
from appliance.errors import ApplianceError
from tests.daemon import MICRO_MODELS


def ignore(message: str) -> None:
    """A progress callback that does nothing."""


def python(directory: Path, *lines: str) -> Path:
    """A shell script that stands in for the Python that makes models."""
    file = directory / "python"
    file.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
    file.chmod(0o755)
    return file


async def test_existing_models_are_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "tokenizer.json").touch()
    (tmp_path / "voices-random.bin").touch()
    found = await RandomModels(tmp_path, tmp_path / "no python").engines(ignore)
    assert found.whisper == tmp_path / "whisper-base"
    assert found.kokoro == tmp_path / "kokoro-random.onnx"
    assert found.appliance_settings()["STT__COMPUTE_TYPE"] == "int8"
    assert found.appliance_settings()["STT__HOT_WORDS"] == "false"


async def test_missing_models_are_made_by_the_named_python(tmp_path: Path) -> None:
    made = tmp_path / "made"
    maker = python(tmp_path, f'echo "$@" >> {made}')
    messages: list[str] = []
    await RandomModels(tmp_path / "models", maker).engines(messages.append)
    whisper, kokoro = made.read_text(encoding="utf-8").splitlines()
    assert whisper.endswith(f"whisper base --quantization int8 --out {tmp_path / 'models'}")
    assert kokoro.endswith(f"kokoro --types --out {tmp_path / 'models'}")
    assert len(messages) == 2


async def test_a_python_without_torch_is_an_error_with_advice(tmp_path: Path) -> None:
    maker = python(tmp_path, "echo 'No module named torch' >&2", "exit 1")
    with pytest.raises(ApplianceError, match="No module named torch") as caught:
        await RandomModels(tmp_path / "models", maker).engines(ignore)
    assert "torch==2.13.0" in caught.value.advice
    assert "--random-python" in caught.value.advice


async def test_without_the_source_tree_no_model_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SCRIPT", tmp_path / "gone.py")
    with pytest.raises(ApplianceError, match="are not in") as caught:
        await RandomModels(tmp_path).engines(ignore)
    assert "--random-dir" in caught.value.advice


def test_the_script_exists() -> None:
    assert models.SCRIPT.exists()


SETUP = BenchSetup((), os.environ, ignore)
NAMED = {key.removeprefix("APPLIANCE__"): value for key, value in MICRO_MODELS.items()}


def test_named_models_override_the_configuration() -> None:
    found = planned_models(NAMED, SETUP)
    assert str(found.whisper) == NAMED["STT__MODEL"]
    assert str(found.kokoro) == NAMED["TTS__MODEL"]
    assert str(found.voices) == NAMED["TTS__VOICES"]
    assert found.voice == "af_heart"


def test_the_voices_beside_a_model_are_found() -> None:
    named = {**NAMED, "TTS__VOICES": "auto"}
    assert planned_models(named, SETUP).voices == Path(NAMED["TTS__VOICES"])


def test_a_comparison_needs_a_whisper_and_a_kokoro() -> None:
    named = {key: value for key, value in NAMED.items() if not key.startswith("TTS")}
    with pytest.raises(ApplianceError, match="a Whisper and a Kokoro"):
        planned_models({**named, "TTS__ENGINE": "espeak"}, SETUP)
