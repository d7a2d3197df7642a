"""`appliance bench accuracy`, with small models and with the released ones."""

import json
from pathlib import Path

import pytest

from appliance.bench.contenders import OURS, STOCK
from tests.cli.conftest import Run
from tests.daemon import FIXTURES

MICRO = FIXTURES / "micro_whisper" / "model"


@pytest.mark.slow
def test_a_short_run_reports_every_figure(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a Whisper that knows a few commands, beside stock and faster-whisper's defaults."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "figures.json"
    result = run(
        *("bench", "accuracy", "--json", str(file), "--stt-model", str(MICRO)),
        *("--speech", str(FIXTURES / "micro_whisper" / "utterances"), "--utterances", "2"),
        *("--no-sounds", "--sessions", "2"),
    )
    assert result.status == 0, result.err
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert len(kept["clips"]) == 2
    assert kept["words"]["all"][0]["ours"]["words"] > 0
    assert kept["words"]["all"][0]["baseline"]["words"] > 0
    assert [score["server"] for score in kept["turns"]] == [OURS, STOCK]
    assert all(clip["heard"][OURS]["text"] for clip in kept["clips"])
    assert all(clip["heard"][STOCK]["stops"] for clip in kept["clips"])
    assert file.with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg")
    assert "finished, but waited" in result.out


@pytest.mark.slow
def test_clips_are_heard_at_audio_time_without_the_door(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "figures.json"
    result = run(
        *("bench", "accuracy", "--json", str(file), "--stt-model", str(MICRO), "--direct"),
        *("--speech", str(FIXTURES / "micro_whisper" / "utterances"), "--no-baseline"),
    )
    assert result.status == 0, result.err
    kept = json.loads(file.read_text(encoding="utf-8"))
    ours, stock = kept["turns"]
    assert ours["finished"] == stock["finished"] > 0
    assert ours["wait"] is not None
    # It was made for these few sentences.
    errors = kept["words"]["all"][0]["ours"]
    assert errors["substituted"] + errors["deleted"] <= 0.2 * errors["words"]
    assert any(clip["kind"] == "hum" for clip in kept["clips"])


@pytest.mark.released
def test_the_released_models_hear_their_own_voices(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, released_models: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "figures.json"
    result = run(
        *("bench", "accuracy", "--json", str(file), "--no-stock", "--no-sounds"),
        *("--stt-model", str(released_models / "base")),
        *("--tts-model", str(released_models / "kokoro-v1.0.int8.onnx")),
        *("--tts-voices", str(released_models / "voices-v1.0.bin")),
        *("--utterances", "4", "--language", "en", "--condition", "clean", "--errors"),
        *("--kind", "command", "--kind", "question"),
    )
    assert result.status == 0, result.err
    kept = json.loads(file.read_text(encoding="utf-8"))
    score = kept["words"]["all"][0]
    assert score["clips"] == 4
    for errors in (score["ours"], score["baseline"]):
        wrong = errors["substituted"] + errors["inserted"] + errors["deleted"]
        assert wrong <= 0.25 * errors["words"], result.out
