import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.engines.whisper import Whisper
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from tests.engines.sound import FIXTURES, noise, recording, silence, turns_during

MODEL = FIXTURES / "micro_whisper" / "model"
UTTERANCES = FIXTURES / "micro_whisper" / "utterances"
TEXTS: dict[str, str] = json.loads((UTTERANCES / "index.json").read_text())


def utterance(name: str) -> bytes:
    return recording("micro_whisper", "utterances", name)


@pytest.mark.parametrize("name", TEXTS)
async def test_it_hears_what_was_said(whisper: Whisper, name: str) -> None:
    heard = await whisper.transcribe(utterance(name))
    assert heard.text == TEXTS[name]
    assert heard.language == "en"
    assert heard.confidence is not None
    assert heard.confidence > 0.9


async def test_it_tells_the_language_itself(whisper: Whisper) -> None:
    heard = await whisper.transcribe(utterance("what_time_is_it.wav"), "auto")
    assert heard.text == "what time is it"
    assert heard.language in ("en", "de", "fr", "es") or len(heard.language) in (2, 3)


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"\1",
        silence(2),
        silence(0.02),
        noise(5),
        noise(100),
        noise(1000),
        noise(8000),
        noise(3000, smoothing=8),
        noise(1000, smoothing=64),
    ],
    ids=lambda audio: f"{len(audio)} bytes",
)
async def test_no_text_without_speech(whisper: Whisper, audio: bytes) -> None:
    heard = await whisper.transcribe(audio)
    assert (heard.text, heard.confidence) == ("", 0.0)


async def test_speech_longer_than_the_window_is_heard_to_its_end(whisper: Whisper) -> None:
    audio = utterance("good_morning.wav") + silence(28) + utterance("stop.wav")
    assert (await whisper.transcribe(audio)).text == "good morning stop"


async def test_the_loop_goes_on_while_it_listens(whisper: Whisper) -> None:
    audio = utterance("what_time_is_it.wav")
    heard, turns = await turns_during(lambda: whisper.transcribe(audio))
    assert heard.text
    assert turns > 10


async def test_its_name_says_what_runs_where(whisper: Whisper) -> None:
    assert whisper.name.startswith("whisper model int8")
    assert whisper.name.endswith(" cpu")


async def test_a_closed_engine_says_so() -> None:
    engine = await Whisper.load(MODEL, "cpu", "float32", 1)
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await engine.transcribe(utterance("stop.wav"))


async def test_a_type_that_the_device_does_not_know_is_no_fault_of_the_file() -> None:
    with pytest.raises(EngineFailed, match="int8_bfloat16 on cpu") as raised:
        await Whisper.load(MODEL, "cpu", "int8_bfloat16", 1)
    assert "stt.compute_type" in raised.value.advice


async def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no Whisper model in") as raised:
        await Whisper.load(tmp_path / "absent", "cpu")
    assert "appliance models pull" in raised.value.advice


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(MODEL, tmp_path / "model")


@pytest.mark.parametrize("name", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"])
async def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        await Whisper.load(copy, "cpu")


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "cut off": ("model.bin", _cut),
    "nearly empty": ("model.bin", lambda data: data[:3]),
    "another model": ("model.bin", lambda data: data.replace(b"WhisperSpec", b"OtherModel1", 1)),
    "a page of a hotel's network": ("model.bin", lambda data: b"<html>Please log in</html>"),
    "a pointer to the file": ("model.bin", lambda data: b"version https://git-lfs\noid sha256:0"),
    "no JSON": ("config.json", _cut),
    "no tokenizer": ("tokenizer.json", lambda data: b"{}"),
    "half a tokenizer": ("tokenizer.json", _cut),
    "no UTF-8": ("vocabulary.json", lambda data: b'["\xff\xfe'),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_file_is_named(copy: Path, fault: str) -> None:
    name, spoil = BROKEN[fault]
    (copy / name).write_bytes(spoil((copy / name).read_bytes()))
    with pytest.raises(ModelBroken, match=name):
        await Whisper.load(copy, "cpu")


async def test_mel_bands_that_do_not_fit_are_found_before_they_crash(copy: Path) -> None:
    file = copy / "preprocessor_config.json"
    file.write_text(json.dumps({"feature_size": 128}))
    with pytest.raises(ModelBroken, match="promises 128 mel bands"):
        await Whisper.load(copy, "cpu")
