"""The released voice, heard by the released Whisper base."""

import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from appliance.audio.loudness import speech_level
from appliance.engines import Voice
from appliance.engines.piper.engine import Piper
from appliance.engines.whisper.engine import Whisper
from appliance.errors import ModelBroken
from appliance.text.word_error_rate import error_rate
from tests.engines.sound import as_input, seconds, spoken

pytestmark = pytest.mark.released

SENTENCES = (
    "Good morning, how did you sleep?",
    "The kitchen light is on, and the window is open.",
    "It will rain in the afternoon, so please take your coat.",
    "Your dentist moved the appointment to Thursday.",
    "Water boils faster at the top of a mountain.",
)


@pytest.fixture
async def joe(released_models: Path) -> AsyncIterator[Piper]:
    engine = await Piper.load(released_models / "en_US-joe-medium.onnx", threads=2)
    yield engine
    await engine.close()


async def test_whisper_hears_the_words(joe: Piper, released_models: Path) -> None:
    whisper = await Whisper.load(released_models / "base", "cpu", "int8", 2)
    heard = []
    try:
        for sentence in SENTENCES:
            transcript = await whisper.transcribe(as_input(await spoken(joe, sentence)))
            heard.append(transcript.text)
    finally:
        await whisper.close()
    # The model draws noise, so a word may be blurred once in a while.
    assert error_rate(" ".join(SENTENCES), " ".join(heard)) < 0.05, heard


async def test_sentences_have_the_common_loudness_and_the_length_of_speech(joe: Piper) -> None:
    for sentence in SENTENCES:
        pcm = await spoken(joe, sentence, Voice("af_sarah"))
        assert speech_level(np.frombuffer(pcm, "<i2") / 32768) == pytest.approx(-20, abs=1)
        assert seconds(pcm) == pytest.approx(Voice().seconds(sentence), rel=0.5)


async def test_speed_changes_the_length(joe: Piper) -> None:
    slow, fast = [seconds(await spoken(joe, SENTENCES[1], Voice(speed=s))) for s in (0.7, 1.4)]
    assert slow == pytest.approx(2 * fast, rel=0.2)


@pytest.mark.alone
async def test_closing_the_stream_stops_after_the_current_sentence(joe: Piper) -> None:
    stream = joe.synthesize(" ".join(SENTENCES * 20), Voice())
    await anext(stream)
    begin = time.perf_counter()
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    assert await spoken(joe, "Next.")
    assert time.perf_counter() - begin < 5


async def test_a_truncated_download_is_named(released_models: Path, tmp_path: Path) -> None:
    broken = tmp_path / "en_US-joe-medium.onnx"
    name = f"{broken.name}.json"
    (tmp_path / name).write_bytes((released_models / name).read_bytes())
    broken.write_bytes((released_models / broken.name).read_bytes()[:40_000_000])
    with pytest.raises(ModelBroken, match=str(broken)):
        await Piper.load(broken)


@pytest.mark.skipif(sys.platform != "linux", reason="the file is that of Linux")
async def test_a_long_sentence_gives_its_memory_back(joe: Piper) -> None:
    long = " and ".join(sentence.rstrip(".?").replace(",", "") for sentence in SENTENCES)
    await spoken(joe, SENTENCES[0])
    before = _resident_bytes()
    # The second run of the same length is the one for which a pattern would reserve memory.
    for _ in range(2):
        assert seconds(await spoken(joe, long)) > 8
    assert _resident_bytes() - before < 60_000_000


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
