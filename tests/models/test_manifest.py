from pathlib import Path

import pytest

from appliance.errors import ConfigError, NotFound
from appliance.hardware.model_profiles import KOKORO, WHISPER, kokoro_memory, whisper_memory
from appliance.models.manifest import SHIPPED, Model, read_manifest

ROOT = Path(__file__).parent.parent.parent
KNOWN = read_manifest()
WHISPERS = [model for model in KNOWN.model if model.engine == "whisper"]
KOKOROS = [model for model in KNOWN.model if model.engine == "kokoro"]

# Models that the plan does not choose by itself, with what they are made of.
UNPLANNED = {
    "large-v3-turbo-deepdml": "large-v3-turbo",
    "kokoro-v1.0-timed": "kokoro-v1.0",
    "kokoro-v1.0-timed.fp16": "kokoro-v1.0.fp16",
    "kokoro-v1.0-timed.int8": "kokoro-v1.0.int8",
}


def test_the_link_in_the_repository_leads_to_the_shipped_manifest() -> None:
    assert (ROOT / "models" / "manifest.toml").samefile(SHIPPED)


def test_the_plan_and_the_manifest_know_the_same_models() -> None:
    sizes = {m.name: m.weights.bytes for m in KNOWN.model if m.name not in UNPLANNED}
    planned = {m.name: m.bytes for m in WHISPER.values()}
    planned |= {m.name: m.bytes for m in KOKORO.values()}
    assert sizes == planned


@pytest.mark.parametrize("model", WHISPERS, ids=lambda m: m.name)
def test_whisper_models_have_the_files_that_the_engine_needs(model: Model) -> None:
    names = {file.name for file in model.files}
    large = "large" in model.name or model.name.startswith("distil")
    assert names == {"config.json", "model.bin", "tokenizer.json"} | (
        {"preprocessor_config.json", "vocabulary.json"} if large else {"vocabulary.txt"}
    )
    assert len(model.revision) == 40
    assert (model.weights.name, model.licence) == ("model.bin", "MIT")


@pytest.mark.parametrize("model", WHISPERS, ids=lambda m: m.name)
def test_the_plan_estimates_about_the_memory_of_the_manifest(model: Model) -> None:
    assert model.weights.bytes
    for kind, memory in {**model.memory_estimated, **model.memory_measured}.items():
        reckoned = whisper_memory(model.weights.bytes, "cuda", kind)
        assert 0.9 * memory <= reckoned <= 1.25 * memory


@pytest.mark.parametrize("model", KOKOROS, ids=lambda m: m.name)
def test_kokoro_models_are_named_by_what_they_hold(model: Model) -> None:
    assert [file.name for file in model.files] == [f"{model.name}.onnx", "voices-v1.0.bin"]
    [memory] = [*model.memory_estimated.values(), *model.memory_measured.values()]
    planned = KOKORO[UNPLANNED.get(model.name, model.name)]
    assert memory == planned.memory
    assert kokoro_memory(model.weights.bytes or 0) >= 0.8 * planned.memory


def test_weights_always_have_their_hash_and_size() -> None:
    for model in KNOWN.model:
        assert model.weights.sha256
        assert model.weights.bytes
        for file in model.files:
            assert file.sha256 or file.name.endswith((".json", ".txt"))


def test_one_name_on_disk_has_one_content() -> None:
    """The two releases of Kokoro have the same file names for different files."""
    hashes: dict[str, str | None] = {}
    for file in (file for model in KOKOROS for file in model.files):
        assert hashes.setdefault(file.name, file.sha256) == file.sha256


def test_addresses() -> None:
    tiny, kokoro = KNOWN.named("tiny.en"), KNOWN.named("kokoro-v1.0-timed.int8")
    assert KNOWN.url(tiny, tiny.weights) == (
        "https://huggingface.co/Systran/faster-whisper-tiny.en/resolve/"
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba/model.bin"
    )
    assert KNOWN.url(kokoro, kokoro.weights, "http://nas/models/") == (
        "http://nas/models/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1/"
        "kokoro-v1.0.int8.onnx"
    )


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        KNOWN.named("smal.en")
    assert "small.en" in caught.value.advice


FILE = '{ path = "model.bin" }'
ONE = (
    '[[model]]\nname = "a"\nengine = "whisper"\nsource = "hub"\nrepository = "r"\n'
    f'revision = "1"\nlicence = "MIT"\nfiles = [{FILE}]\n'
)
SOURCES = '[sources]\nhub = "http://h/{repository}/{revision}/{file}"\n'


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("[", "not TOML"),
        (SOURCES + ONE.replace("model.bin", "../model.bin"), "model.0.files.0.path"),
        (SOURCES + ONE.replace('"a"', '"../a"'), "model.0.name"),
        (SOURCES + ONE + 'colour = "red"', "model.0.colour"),
        (SOURCES + ONE + ONE, "two models called a"),
        (SOURCES.replace("hub", "sub") + ONE, "no source"),
        (SOURCES + ONE.replace("model.bin", "config.json"), "no weights"),
        ('[sources]\nhub = "ftp://h/{file}"\n' + ONE, "sources.hub"),
    ],
)
def test_faults_of_a_manifest_are_reported(tmp_path: Path, text: str, reported: str) -> None:
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(ConfigError, match=reported):
        read_manifest(tmp_path / "list.toml")


def test_a_missing_manifest_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifest(tmp_path / "list.toml")
