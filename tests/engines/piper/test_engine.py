"""Piper on a tiny graph of the published signature."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.audio.loudness import speech_level
from appliance.engines import Voice
from appliance.engines.piper.engine import LoadedVoice, Piper
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from tests.engines.conftest import PIPER_MODEL
from tests.engines.sound import seconds, spoken, turns_during

DESCRIPTION = PIPER_MODEL.with_name(f"{PIPER_MODEL.name}.json")
SENTENCE = "It is twenty past four in the afternoon."


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the model to be damaged, with its description beside it."""
    for file in (PIPER_MODEL, DESCRIPTION):
        shutil.copy(file, tmp_path)
    return tmp_path / PIPER_MODEL.name


def describe(model: Path, **changes: Any) -> Path:  # noqa: ANN401  whatever JSON holds
    """Changes the description of the voice."""
    described = json.loads(DESCRIPTION.read_text(encoding="utf-8")) | changes
    file = model.with_name(f"{model.name}.json")
    file.write_text(json.dumps(described), encoding="utf-8")
    return file


async def test_a_longer_sentence_makes_longer_audio(piper: Piper) -> None:
    short = seconds(await spoken(piper, "It is four."))
    long = seconds(await spoken(piper, SENTENCE))
    assert 0.4 < short < 1.5 < long < 4


async def test_speed_shortens_the_audio_and_is_clamped(piper: Piper) -> None:
    normal, fast, clamped = [
        seconds(await spoken(piper, SENTENCE, Voice(speed=speed))) for speed in (1.0, 2.0, 99.0)
    ]
    assert fast == pytest.approx(clamped)
    assert fast == pytest.approx(normal / 2, rel=0.01)


async def test_every_sentence_is_a_chunk_of_its_own(piper: Piper) -> None:
    chunks = [chunk async for chunk in piper.synthesize("It is four. Is it? Yes, it is.", Voice())]
    assert len(chunks) == 3
    starts = [np.frombuffer(chunk, "<i2")[: 24_000 // 10] for chunk in chunks]
    assert [bool(start.any()) for start in starts] == [True, False, False]


async def test_all_phrases_are_equally_loud(piper: Piper) -> None:
    phrases = [await spoken(piper, text) for text in ("Yes.", SENTENCE)]
    levels = [speech_level(np.frombuffer(pcm, "<i2") / 32768) for pcm in phrases]
    assert levels == pytest.approx([-20, -20], abs=1)


async def test_closing_the_stream_stops_after_the_current_sentence(piper: Piper) -> None:
    stream = piper.synthesize(SENTENCE * 1000, Voice())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    assert await spoken(piper, "next")


@pytest.mark.parametrize("text", ["", "   ", "…", "?!", "\n"])
async def test_a_text_without_words_is_silent(piper: Piper, text: str) -> None:
    assert await spoken(piper, text) == b""


async def test_a_voice_of_another_engine_gives_way_to_the_default(piper: Piper) -> None:
    assert piper.voices == ("en_US-micro-low",)
    assert piper.name == "piper en_US-micro-low cpu"
    assert await spoken(piper, "one", Voice("af_sarah", "fr")) == await spoken(piper, "one")


async def test_synthesis_does_not_block_the_event_loop(piper: Piper) -> None:
    pcm, turns = await turns_during(lambda: spoken(piper, SENTENCE * 500), 10)
    assert pcm
    assert turns > 10


async def test_a_closed_engine_raises() -> None:
    engine = await Piper.load(PIPER_MODEL, 1)
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await spoken(engine, "late")


async def test_samples_that_are_not_finite_are_not_played(
    piper: Piper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("numpy.isfinite", lambda samples: np.zeros(samples.shape, bool))
    with pytest.raises(EngineFailed, match="not finite"):
        await spoken(piper, SENTENCE)


@pytest.mark.parametrize("absent", [PIPER_MODEL.name, DESCRIPTION.name])
async def test_a_missing_file_is_named(model: Path, absent: str) -> None:
    gone = model.with_name(absent)
    gone.unlink()
    with pytest.raises(ModelMissing, match=str(gone)) as raised:
        await Piper.load(model)
    assert raised.value.advice


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"<html>Please log in</html>",
        lambda data: data.replace(b"scales", b"scalez"),
    ],
    ids=["truncated", "empty", "web page", "other inputs"],
)
async def test_a_broken_model_is_named(model: Path, corrupt: Callable[[bytes], bytes]) -> None:
    model.write_bytes(corrupt(PIPER_MODEL.read_bytes()))
    with pytest.raises(ModelBroken, match=str(model)) as raised:
        await Piper.load(model)
    assert raised.value.advice


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Please log in</html>",
        b"[]",
        b"{}",
        b'{"inference": null}',
        b"\xff\xfe",
        DESCRIPTION.read_bytes()[:500],
    ],
)
async def test_a_broken_description_is_named(model: Path, content: bytes) -> None:
    file = model.with_name(DESCRIPTION.name)
    file.write_bytes(content)
    with pytest.raises(ModelBroken, match=str(file)):
        await Piper.load(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"phoneme_type": "text"},
        {"espeak": {"voice": "tlh-klingon"}},
        {"audio": {"sample_rate": 0}},
        {"phoneme_id_map": {"a": [1]}},
        {"inference": {"noise_scale": 0.6, "length_scale": 0, "noise_w": 0.8}},
        {"num_speakers": 2, "speaker_id_map": {"anna": 0, "bert": 7}},
    ],
    ids=["phonemes", "language", "rate", "phoneme map", "length", "speakers"],
)
async def test_a_voice_that_cannot_be_spoken_is_named(model: Path, changes: Any) -> None:  # noqa: ANN401  as above
    file = describe(model, **changes)
    with pytest.raises(ModelBroken, match=str(file)):
        await Piper.load(model)


async def test_a_description_of_several_speakers_needs_a_model_of_several(model: Path) -> None:
    describe(model, num_speakers=2, speaker_id_map={"anna": 0, "bert": 1})
    with pytest.raises(ModelBroken, match="does not fit its description"):
        await Piper.load(model)


async def test_speakers_are_chosen_by_name(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speakers: list[int] = []

    def hum(_voice: LoadedVoice, _sentence: str, speaker: int, _speed: float) -> Any:  # noqa: ANN401  samples
        speakers.append(speaker)
        return np.zeros(2400, np.float32)

    describe(model, num_speakers=2, speaker_id_map={"bert": 1, "anna": 0})
    monkeypatch.setattr("appliance.engines.piper.engine._INPUTS", {"input", "input_lengths"})
    monkeypatch.setattr("appliance.engines.piper.engine._SPEAKER", "scales")
    monkeypatch.setattr(LoadedVoice, "speak", hum)
    engine = await Piper.load(model)
    speakers.clear()
    assert engine.voices == ("anna", "bert")
    for name in ("bert", "anna", "af_sarah"):
        await spoken(engine, "one", Voice(name))
    await engine.close()
    assert speakers == [1, 0, 0]
