from pathlib import Path

import pytest

from appliance.errors import ConfigError, NotFound
from appliance.hardware.language_models import LANGUAGE_MODELS
from appliance.hardware.model_profiles import (
    KOKORO,
    WHISPER,
    kokoro_memory,
    piper_language,
    piper_memory,
    whisper_memory,
)
from appliance.models.manifest import SHIPPED, Model, read_manifest

ROOT = Path(__file__).parent.parent.parent
KNOWN = read_manifest()
WHISPERS = [model for model in KNOWN.model if model.engine == "whisper"]
KOKOROS = [model for model in KNOWN.model if model.engine == "kokoro"]
LANGUAGE = [model for model in KNOWN.model if model.engine == "llm"]
PIPERS = [model for model in KNOWN.model if model.engine == "piper"]

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
    planned_engines = ("whisper", "kokoro")
    models = [m for m in KNOWN.model if m.engine in planned_engines and m.name not in UNPLANNED]
    sizes = {model.name: model.weights.bytes for model in models}
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


@pytest.mark.parametrize("model", PIPERS, ids=lambda m: m.name)
def test_piper_voices_are_named_by_language_and_have_a_description(model: Model) -> None:
    assert piper_language(model.name)
    assert [file.name for file in model.files] == [f"{model.name}.onnx", f"{model.name}.onnx.json"]
    assert all(file.sha256 for file in model.files)
    for memory in (*model.memory_estimated.values(), *model.memory_measured.values()):
        assert memory == pytest.approx(piper_memory(model.weights.bytes or 0), rel=0.1)


@pytest.mark.parametrize("model", LANGUAGE, ids=lambda m: m.name)
def test_language_models_are_single_files_that_the_plan_knows(model: Model) -> None:
    [file] = model.files
    assert file.name == f"{model.name}.gguf"
    assert len(model.revision) == 40
    assert model.licence == "Apache-2.0"
    assert file.bytes == LANGUAGE_MODELS[model.name].bytes


def test_the_plan_knows_no_language_model_that_cannot_be_fetched() -> None:
    assert {model.name for model in LANGUAGE} == set(LANGUAGE_MODELS)


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


SHA = "a" * 64
SIZED = SOURCES + ONE.replace(FILE, f'{{ path = "model.bin", bytes = 100, sha256 = "{SHA}" }}')
PACKAGE = (
    '[[package]]\nindex = "python"\nname = "parcel"\nversion = "1.0"\nbytes = 10\n'
    f'sha256 = "{SHA}"\n'
)
INTEGRITY = f"sha512-{'A' * 86}=="
JOIN = (
    f'[[assembly]]\nkind = "join"\nsha256 = "{SHA}"\n'
    'parts = [{ package = "parcel", path = "data/part" }]\n'
)
NPZ = (
    f'[[assembly]]\nkind = "npz"\nsha256 = "{SHA}"\npackage = "parcel"\n'
    'path = "voices/{name}.bin"\nshape = [5, 2]\nnames = ["one", "two"]\n'
)


def test_packages_and_assemblies_are_read(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(SIZED + PACKAGE + NPZ)
    manifest = read_manifest(tmp_path / "list.toml")
    [model] = manifest.model
    [package] = manifest.packages_of(model.files)
    assembly = manifest.assembly_of(model.weights)
    assert str(package) == "parcel 1.0"
    assert assembly
    assert [m.path for m in assembly.members()] == ["voices/one.bin", "voices/two.bin"]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (PACKAGE.replace("python", "cargo"), r"package\.0\.index"),
        (PACKAGE.replace("parcel", "../parcel"), r"package\.0\.name"),
        (PACKAGE.replace("parcel", "-e parcel"), r"package\.0\.name"),
        (PACKAGE.replace('"1.0"', '"1.0 --pre"'), r"package\.0\.version"),
        (PACKAGE.replace("= 10", "= 0"), r"package\.0\.bytes"),
        (PACKAGE.replace(f'sha256 = "{SHA}"', ""), "has a sha256"),
        (PACKAGE.replace("python", "npm"), "one of npm an integrity"),
        (PACKAGE + f'integrity = "{INTEGRITY}"', "has a sha256"),
        (PACKAGE.replace("python", "npm").replace("sha256", "integrity"), r"package\.0\.integrity"),
        (PACKAGE + PACKAGE + JOIN, "two packages called parcel"),
        (PACKAGE, "no assembly needs the package parcel"),
        (PACKAGE + JOIN + JOIN, "two assemblies of aaa"),
        (JOIN, "no package is called parcel"),
        (PACKAGE + JOIN.replace(SHA, "b" * 64), "makes no file of known size"),
        (PACKAGE + JOIN.replace("data/part", "data/../../part"), "does not lead out"),
        (PACKAGE + JOIN.replace("data/part", "/data/part"), r"parts\.0\.path"),
        (PACKAGE + JOIN.replace('"join"', '"script"'), r"assembly\.0"),
        (PACKAGE + JOIN.replace('{ package = "parcel", path = "data/part" }', ""), r"parts"),
        (PACKAGE + NPZ.replace("{name}", "name"), "holds {name} once"),
        (PACKAGE + NPZ.replace('"two"', '"one"'), "no name occurs twice"),
        (PACKAGE + NPZ.replace('"two"', '"../two"'), r"names\.1"),
        (PACKAGE + NPZ.replace("[5, 2]", "[5, 0]"), r"shape\.1"),
        (PACKAGE + NPZ.replace("[5, 2]", "[50, 2]"), "makes more than 100 bytes"),
    ],
)
def test_faults_of_packages_are_reported(tmp_path: Path, text: str, reported: str) -> None:
    (tmp_path / "list.toml").write_text(SIZED + text)
    with pytest.raises(ConfigError, match=reported):
        read_manifest(tmp_path / "list.toml")


def test_all_faults_between_entries_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(SOURCES + ONE + ONE + JOIN)
    with pytest.raises(ConfigError) as caught:
        read_manifest(tmp_path / "list.toml")
    assert "two models called a" in caught.value.message
    assert "no package is called parcel" in caught.value.message


def test_the_recommended_models_of_a_machine_without_a_hub_are_in_packages() -> None:
    for name in ("base", "kokoro-v1.0.int8", "en_US-joe-medium", "Qwen2.5-Coder-0.5B-Instruct"):
        assert all(KNOWN.assembly_of(file) for file in KNOWN.named(name).files)
