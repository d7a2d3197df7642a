"""The released base model takes no repetition for a loop, and makes none."""

import re
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from appliance.engines.whisper.engine import Whisper
from tests.engines.sound import FIXTURES

pytestmark = [pytest.mark.released, pytest.mark.slow]


@pytest.fixture
async def base(released_models: Path) -> AsyncIterator[Whisper]:
    loaded = await Whisper.load(released_models / "base", "cpu", "int8", 1)
    yield loaded
    await loaded.close()


def _heard_at(name: str, snr: float | None = None) -> bytes:
    """A recording with 0.3 s around it, in white noise where `snr` (dB) is given."""
    with wave.open(str(FIXTURES / "hearing" / f"{name}.wav")) as file:
        said = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    heard = np.pad(said, 4800)
    if snr is not None:
        level = np.sqrt(np.mean(said**2)) * 10 ** (-snr / 20)
        heard = heard + np.random.default_rng(round(snr)).normal(0, level, len(heard))
    return bytes(np.clip(heard, -32_768, 32_767).astype("<i2"))


async def test_repeated_words_are_heard_and_sentences_are_not_repeated(base: Whisper) -> None:
    no = await base.transcribe(_heard_at("x_no8"))
    assert len(re.findall(r"no", no.text.lower())) >= 6, no.text
    stop = await base.transcribe(_heard_at("x_stop6"))
    assert 5 <= len(re.findall(r"stop", stop.text.lower())) <= 9, stop.text
    assert stop.retries == 0
    door = await base.transcribe(_heard_at("u23", 10))
    assert door.text.lower().count("garage") == 1, door.text
    egg = await base.transcribe(_heard_at("u41", 5))
    assert egg.text.lower().count("how long") == 1, egg.text
