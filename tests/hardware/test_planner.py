from dataclasses import replace
from pathlib import Path

import pytest

from appliance.config.loader import Config, load
from appliance.hardware.detect import detect
from appliance.hardware.model_profiles import KOKORO, WHISPER
from appliance.hardware.planner import fits, models_on_disk, obstacle, recommended
from tests.hardware.boards import BOARDS

EVERYTHING = {name: model.bytes for name, model in WHISPER.items()} | {
    name: model.bytes for name, model in KOKORO.items()
}


def configured(**settings: str) -> Config:
    return load([], {f"APPLIANCE__{name.upper()}": value for name, value in settings.items()})


def test_models_on_disk_are_those_that_engines_can_load(tmp_path: Path) -> None:
    for name, content in {
        ".store/partial/abc": b"begun",
        ".store/blobs/sha256/def": b"blob",
        "small.en/model.bin": b"weights",
        "empty/config.json": b"{}",
        "kokoro-v1.0.int8.onnx": b"voice",
        "voices-v1.0.bin": b"voices",
        "Qwen3-1.7B.gguf": b"model",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    config = configured(models__directory=str(tmp_path))
    assert models_on_disk(config) == {
        **{"small.en": 7, "empty": 0},
        **{"kokoro-v1.0.int8": 5, "Qwen3-1.7B": 5},
    }


def test_unreadable_directories_are_no_error(tmp_path: Path) -> None:
    """Such as one that belongs to root. Tests that run as root can read it all the same."""
    beyond = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="File name too long"):
        beyond.exists()
    assert models_on_disk(configured(stt__model=str(beyond), models__directory=str(beyond))) == {}


@pytest.mark.parametrize(
    ("board", "settings", "wanted"),
    [
        ("orin nano super", {}, ["small.en", "kokoro-v1.0"]),
        ("orin nano 4 GB", {}, ["base.en", "kokoro-v1.0"]),
        ("agx orin", {}, ["large-v3-turbo", "kokoro-v1.0"]),
        ("orin nano super", {"stt__language": "de"}, ["small", "kokoro-v1.0"]),
        ("orin nano super", {"stt__engine": "sphinx"}, ["kokoro-v1.0"]),
        ("orin nano super", {"stt__model": "tiny"}, ["tiny", "kokoro-v1.0"]),
        ("orin nano super", {"tts__prefer": "speed"}, ["small.en", "en_US-joe-medium"]),
        ("nano", {}, ["base.en", "en_US-joe-medium"]),
    ],
)
def test_recommended_models_are_the_first_choice_of_the_plan(
    tmp_path: Path, board: str, settings: dict[str, str], wanted: list[str]
) -> None:
    hardware = detect(BOARDS[board].lay(tmp_path))
    models = EVERYTHING | {"en_US-joe-medium": 63_201_294}
    assert recommended(hardware, configured(**settings), models) == wanted


def test_without_memory_nothing_is_recommended(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    assert recommended(replace(hardware, memory_available=0), configured(), EVERYTHING) == []


def test_a_language_model_fits_where_it_has_room_alone(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    config = configured(llm__provider="none")
    assert fits(hardware, config, "Qwen3-1.7B", 1_107_409_472)
    assert not fits(hardware, config, "Qwen3-8B", 5_027_783_488)


def test_whether_a_model_fits_does_not_depend_on_the_configured_one(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    config = configured(stt__engine="sphinx", tts__model="kokoro-v1.0.fp16")
    turbo = EVERYTHING["large-v3-turbo"]
    assert fits(hardware, config, "small.en", EVERYTHING["small.en"])
    assert not fits(hardware, config, "large-v3-turbo", turbo)
    assert not fits(hardware, config, "the-same-under-another-name", turbo)
    assert fits(hardware, config, "kokoro-v1.0.int8", EVERYTHING["kokoro-v1.0.int8"])
    assert fits(hardware, config, "a-voice-of-ones-own", 10**8)
    assert fits(hardware, config, "de_DE-thorsten-medium", 63 * 10**6)
    small = replace(hardware, memory_available=900 * 10**6)
    assert not fits(small, config, "de_DE-thorsten-medium", 63 * 10**6)
    assert not fits(small, config, "kokoro-v1.0", EVERYTHING["kokoro-v1.0"])


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("small.en", {}, ""),
        ("small.en", {"stt__language": "de"}, "language"),
        ("large-v3", {}, "speed"),
        ("kokoro-v1.0", {}, ""),
    ],
)
def test_why_a_model_does_not_fit(
    tmp_path: Path, name: str, settings: dict[str, str], reason: str
) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    found = obstacle(hardware, configured(**settings), name, EVERYTHING[name])
    assert found.reason == reason
    assert found.memory > EVERYTHING[name] // 2


def test_too_little_memory_is_told_from_too_little_speed(tmp_path: Path) -> None:
    hardware = detect(BOARDS["orin nano super"].lay(tmp_path))
    small = replace(hardware, memory_available=900 * 10**6)
    for name in ("kokoro-v1.0", "base.en", "de_DE-thorsten-medium"):
        size = EVERYTHING.get(name, 63 * 10**6)
        assert obstacle(small, configured(), name, size).reason == "memory"
    model = obstacle(hardware, configured(), "Qwen3-8B", 5_027_783_488)
    assert (model.reason, model.memory > 5_027_783_488) == ("memory", True)
