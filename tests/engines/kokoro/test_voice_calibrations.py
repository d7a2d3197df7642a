"""When voices are measured, and how they are rendered before and after that."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.audio.loudness import speech_level
from appliance.engines.kokoro.calibration import SENTENCES
from appliance.engines.kokoro.generator import HIGH_CHANNELS, SAMPLES_PER_FRAME, norm_names
from appliance.engines.kokoro.renderers import SlicedRenderer
from appliance.engines.kokoro.split_model import Sentence
from appliance.engines.kokoro.voice_calibrations import VoiceCalibrations
from appliance.errors import EngineFailed

WIDTH = 2 * HIGH_CHANNELS * len(norm_names("high"))
VOICES: Any = {name: np.zeros((510, 1, 256), np.float32) for name in ("af_one", "af_two")}


class Letters:
    """A tokenizer that makes a token of each letter."""

    def phonemize(self, text: str, _language: str) -> str:
        return text

    def tokenize(self, phonemes: str) -> list[int]:
        return [1] * len(phonemes)


class Tones:
    """A split model that hums, for six frames a token, and counts its runs.

    Its slices are louder than its whole sentences by `error` dB.
    """

    def __init__(self, error: float = 0.0) -> None:
        self.factor = 10 ** (error / 20)
        self.wholes = self.parts = 0
        self.before_run: Callable[[], None] = lambda: None

    def sentence(self, tokens: Sequence[int], _style: Any, _speed: float) -> Sentence:  # noqa: ANN401
        frames = 6 * len(tokens)
        return Sentence(
            frames,
            np.ones((frames * 10, 256), np.float32),
            np.ones((1, 22, frames * 60 + 1), np.float32),
            np.zeros((1, 1), np.float32),
        )

    def whole(self, sentence: Sentence) -> tuple[Any, Any]:
        self.before_run()
        self.wholes += 1
        return self._tone(0, sentence.frames), np.ones((1, WIDTH), np.float32)

    def part(self, _sentence: Sentence, _statistics: Any, start: int, stop: int) -> Any:  # noqa: ANN401
        self.parts += 1
        return self._tone(start, stop) * self.factor

    def _tone(self, start: int, stop: int) -> Any:  # noqa: ANN401
        samples = np.arange(start * SAMPLES_PER_FRAME, stop * SAMPLES_PER_FRAME)
        return (0.2 * np.sin(samples / 10)).astype(np.float32)


def calibrations(
    model: Tones, directory: Path | None, is_busy: Callable[[], bool] = lambda: False
) -> VoiceCalibrations:
    anything: Any = model
    letters: Any = Letters()
    return VoiceCalibrations(anything, letters, VOICES, "model", directory, is_busy)


async def settled(of: VoiceCalibrations, voice: str = "af_one") -> VoiceCalibrations:
    async with asyncio.timeout(60):
        while of.get(voice) is None:  # noqa: ASYNC110  it is done on a thread
            await asyncio.sleep(0.01)
    return of


def renderer(model: Tones, of: VoiceCalibrations) -> SlicedRenderer:
    anything: Any = model
    letters: Any = Letters()
    return SlicedRenderer(anything, letters, VOICES, of)


async def test_a_voice_is_measured_once_and_read_from_then_on(tmp_path: Path) -> None:
    for expected in (len(SENTENCES), 0):
        model = Tones()
        voices = calibrations(model, tmp_path)
        voices.request("af_one")
        voices.request("af_one")
        await settled(voices)
        assert voices.is_latest_usable
        assert model.wholes == expected
        await voices.close()
    assert len(list(tmp_path.iterdir())) == 1


async def test_each_voice_has_its_own_measurement(tmp_path: Path) -> None:
    voices = calibrations(Tones(), tmp_path)
    voices.request("af_one")
    voices.request("af_two")
    assert not voices.is_latest_usable
    await settled(voices)
    await settled(voices, "af_two")
    await voices.close()
    assert len(list(tmp_path.iterdir())) == 2


async def test_sentences_come_in_slices_when_the_voice_is_measured() -> None:
    model = Tones()
    voices = calibrations(model, None)
    speech = renderer(model, voices)
    text = "This takes ten seconds or somewhat more than that." * 3
    assert len(list(speech.render(text, "af_one", 1.0))) == 1
    voices.request("af_one")
    await settled(voices)
    parts = list(speech.render(text, "af_one", 1.0))
    assert len(parts) > 10
    assert speech_level(np.concatenate(parts)) == pytest.approx(-20, abs=0.1)
    assert len(list(speech.render("Yes, certainly.", "af_one", 1.0))) == 1
    await voices.close()


async def test_a_voice_that_comes_out_wrong_stays_whole() -> None:
    model = Tones(error=3.0)
    voices = calibrations(model, None)
    voices.request("af_one")
    await settled(voices)
    assert not voices.is_latest_usable
    model.parts = 0
    assert len(list(renderer(model, voices).render("Much to say." * 9, "af_one", 1.0))) == 1
    assert model.parts == 0
    await voices.close()


async def test_measuring_waits_for_the_engine_and_ends_with_it(tmp_path: Path) -> None:
    model = Tones()
    busy = True
    voices = calibrations(model, tmp_path, lambda: busy)
    voices.request("af_one")
    await asyncio.sleep(0.3)
    assert model.wholes == 0
    async with asyncio.timeout(5):
        await voices.close()
    assert list(tmp_path.iterdir()) == []
    voices = calibrations(model, tmp_path, lambda: busy)
    voices.request("af_one")
    busy = False
    await settled(voices)
    await voices.close()


async def test_without_room_on_disk_the_voice_is_measured_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    voices = calibrations(Tones(), tmp_path / "file" / "kokoro")
    voices.request("af_one")
    await settled(voices)
    await voices.close()


async def test_a_failed_measurement_leaves_the_voice_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise ValueError("the model is broken")

    model = Tones()
    model.before_run = fail
    voices = calibrations(model, None)
    voices.request("af_one")
    async with asyncio.timeout(10):
        while not caplog.records:  # noqa: ASYNC110  it is done on a thread
            await asyncio.sleep(0.01)
    assert "calibrate the voice af_one" in caplog.text
    assert voices.get("af_one") is None
    await voices.close()


async def test_slices_that_are_no_numbers_are_not_played() -> None:
    model = Tones()
    voices = calibrations(model, None)
    voices.request("af_one")
    await settled(voices)
    model.factor = float("nan")
    with pytest.raises(EngineFailed, match="not finite"):
        list(renderer(model, voices).render("Much to say." * 9, "af_one", 1.0))
    await voices.close()
