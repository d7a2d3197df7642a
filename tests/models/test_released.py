"""The released models as their sources serve them today."""

import json
from pathlib import Path

import numpy as np
import pytest
import soxr

from appliance.audio.format import INPUT_RATE, OUTPUT_RATE
from appliance.engines import Voice
from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.whisper.engine import Whisper
from tests.released import RELEASED

pytestmark = pytest.mark.released


def test_receipts_name_what_served_every_file(released_models: Path) -> None:
    for name in RELEASED:
        receipt = json.loads((released_models / ".store" / "models" / f"{name}.json").read_text())
        assert set(receipt["sources"]) == set(receipt["files"])
        assert all(receipt["sources"].values())


async def test_whisper_understands_kokoro(released_models: Path) -> None:
    voices = released_models / "voices-v1.0.bin"
    kokoro = await Kokoro.load(released_models / "kokoro-v1.0.int8.onnx", voices, "cpu", 2)
    whisper = await Whisper.load(released_models / "base", "cpu", "int8", 2)
    try:
        assert len(kokoro.voices) == 54
        chunks = kokoro.synthesize("It is half past nine in the morning.", Voice("af_sarah"))
        spoken = b"".join([chunk async for chunk in chunks])
        heard = await whisper.transcribe(_at_input_rate(spoken))
    finally:
        await kokoro.close()
        await whisper.close()
    words = heard.text.lower()
    assert "past" in words or "9:30" in words
    assert "morning" in words


def _at_input_rate(audio: bytes) -> bytes:
    samples = np.frombuffer(audio, np.int16).astype(np.float32)
    return bytes(soxr.resample(samples, OUTPUT_RATE, INPUT_RATE).astype("<i2").tobytes())
