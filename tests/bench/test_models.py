"""Where models of random weights come from."""

from pathlib import Path

import pytest

from appliance.bench import models
from appliance.bench.models import Workshop
from appliance.errors import ApplianceError


def unheard(told: str) -> None:
    """Progress that nobody asked for."""


def python(directory: Path, *lines: str) -> Path:
    """A program that stands in for a Python, told by its arguments what to make."""
    file = directory / "python"
    file.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
    file.chmod(0o755)
    return file


async def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "tokenizer.json").touch()
    (tmp_path / "voices-random.bin").touch()
    found = await Workshop(tmp_path, tmp_path / "no python").weights(unheard)
    assert found.whisper == tmp_path / "whisper-base"
    assert found.kokoro == tmp_path / "kokoro-random.onnx"
    assert found.ours()["STT__COMPUTE_TYPE"] == "int8"
    assert found.ours()["STT__HOT_WORDS"] == "false"


async def test_what_is_missing_is_made_by_the_python_that_was_named(tmp_path: Path) -> None:
    made = tmp_path / "made"
    maker = python(tmp_path, f'echo "$@" >> {made}')
    told: list[str] = []
    await Workshop(tmp_path / "models", maker).weights(told.append)
    whisper, kokoro = made.read_text(encoding="utf-8").splitlines()
    assert whisper.endswith(f"whisper base --quantization int8 --out {tmp_path / 'models'}")
    assert kokoro.endswith(f"kokoro --types --out {tmp_path / 'models'}")
    assert len(told) == 2


async def test_a_python_without_torch_says_what_to_install(tmp_path: Path) -> None:
    maker = python(tmp_path, "echo 'No module named torch' >&2", "exit 1")
    with pytest.raises(ApplianceError, match="No module named torch") as caught:
        await Workshop(tmp_path / "models", maker).weights(unheard)
    assert "torch==2.13.0" in caught.value.advice
    assert "--random-python" in caught.value.advice


async def test_without_the_source_tree_they_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SCRIPT", tmp_path / "gone.py")
    with pytest.raises(ApplianceError, match="are not in") as caught:
        await Workshop(tmp_path).weights(unheard)
    assert "--random-dir" in caught.value.advice


def test_the_script_is_where_it_is_looked_for() -> None:
    assert models.SCRIPT.exists()
