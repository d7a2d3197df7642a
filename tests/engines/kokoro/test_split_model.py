"""The published int8 model in parts and in slices, against the published graph."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.audio.loudness import speech_level
from appliance.audio.spectrum import spectral_distance
from appliance.engines import Ticket, Voice
from appliance.engines.kokoro.calibration import Calibration
from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.kokoro.generator import SAMPLES_PER_FRAME
from appliance.engines.kokoro.slices import slice_bounds
from appliance.engines.whisper.engine import Whisper
from appliance.errors import EngineBusy
from tests.engines.kokoro.stream_report import MODEL, VOICES, Published, at_16_khz, seam_steps
from tests.engines.sound import seconds, spoken
from tests.stranger import until

pytestmark = [pytest.mark.released, pytest.mark.slow]

LONG = "The museum opens at ten tomorrow, and the last tickets are sold at half past four."
HELD_OUT = (
    LONG,
    "I set a timer for twelve minutes.",
    "The front door is locked, and the alarm is set.",
    "Honey never spoils, because it contains very little water and a lot of sugar.",
)


@pytest.fixture(scope="module")
def published(released_models: Path) -> Published:
    return Published(released_models)


@pytest.fixture(scope="module")
def calibration(published: Published) -> Calibration:
    return published.calibrated("af_heart")


@pytest.mark.parametrize("speed", [0.7, 1.0, 1.6])
@pytest.mark.parametrize("text", ["Yes.", LONG])
def test_the_parts_together_are_the_published_graph(
    published: Published, text: str, speed: float
) -> None:
    expected = published.audio(text, "bf_emma", speed)
    audio, _ = published.split.whole(published.sentence(text, "bf_emma", speed))
    assert audio.size == expected.size
    assert spectral_distance(expected, audio) < 1
    assert speech_level(audio) == pytest.approx(speech_level(expected), abs=0.1)


def test_given_its_own_statistics_a_slice_is_a_part_of_the_whole(published: Published) -> None:
    sentence = published.sentence(LONG, "af_heart")
    whole, statistics = published.split.whole(sentence)
    for start, stop in ((0, 40), (100, 148), (sentence.frames - 60, sentence.frames)):
        part = published.split.part(sentence, statistics, start, stop)
        expected = whole[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
        assert part.size == expected.size
        # What remains is the rounding of the activations, whose range differs.
        assert np.abs(part - expected).mean() < 0.25 * np.abs(expected).mean() + 1e-4


@pytest.mark.parametrize("voice", ["af_heart", "am_onyx", "bf_emma", "ef_dora", "zm_yunxi"])
@pytest.mark.parametrize("speed", [0.75, 1.3])
def test_only_silence_is_left_out_before_a_sentence(
    published: Published, voice: str, speed: float
) -> None:
    sentence = published.sentence("Yes.", voice, speed)
    whole, statistics = published.split.whole(sentence)
    silent = sentence.silent_frames * SAMPLES_PER_FRAME
    assert silent > 0
    loudest = 20 * np.log10(np.abs(whole[:silent]).max() + 1e-9)
    assert loudest < speech_level(whole) - 40
    part = published.split.part(sentence, statistics, 0, sentence.silent_frames + 20)
    assert part.size == silent + 20 * SAMPLES_PER_FRAME
    assert not part[:silent].any()
    assert part[silent:].any()


def test_held_out_sentences_come_out_right(published: Published, calibration: Calibration) -> None:
    assert calibration.is_usable
    for text in HELD_OUT:
        expected = published.audio(text, "af_heart")
        audio = published.sliced(calibration, published.sentence(text, "af_heart"))
        assert audio.size == expected.size
        assert spectral_distance(expected, audio) < 1.5
        assert speech_level(audio) == pytest.approx(speech_level(expected), abs=1)


def test_seams_are_not_heard(published: Published, calibration: Calibration) -> None:
    sentence = published.sentence(LONG, "af_heart")
    statistics = calibration.predict(sentence).statistics
    sliced = published.sliced(calibration, sentence)
    unsliced = published.split.part(sentence, statistics, 0, sentence.frames)
    steps = np.abs(np.diff(sliced))
    for _, stop in list(slice_bounds(sentence.frames))[:-1]:
        seam = slice(stop * SAMPLES_PER_FRAME - 300, stop * SAMPLES_PER_FRAME + 600)
        assert steps[seam].max() < 1.5 * np.abs(np.diff(unsliced[seam])).max() + 0.01
    assert max(seam_steps(sliced, unsliced, sentence.frames)) < 1.5


def test_the_same_sentence_always_sounds_the_same(
    published: Published, calibration: Calibration
) -> None:
    sentence = published.sentence(LONG, "af_heart")
    first, second = (published.sliced(calibration, sentence) for _ in range(2))
    assert np.array_equal(first, second)


async def streaming(engine: Kokoro) -> Kokoro:
    async def streams() -> bool:
        return engine.streams

    await until(streams, seconds=400)
    return engine


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibrations")


async def load(models: Path, directory: Path, voice: str = "af_heart") -> Kokoro:
    return await Kokoro.load(
        *(models / MODEL, models / VOICES, "cpu", 2),
        phrase_bytes=4_000_000,
        calibrations=directory,
        voice=Voice(voice),
    )


@pytest.fixture
async def engine(released_models: Path, directory: Path) -> AsyncIterator[Kokoro]:
    """An engine that streams; only the first of them measures its voice."""
    engine = await load(released_models, directory)
    yield await streaming(engine)
    await engine.close()


async def test_a_sentence_is_heard_before_it_is_finished(engine: Kokoro) -> None:
    voice = Voice("af_heart")
    chunks = [chunk async for chunk in engine.synthesize(LONG, voice)]
    assert len(chunks) > 5
    assert 0.1 < seconds(chunks[0]) < 0.6
    assert 3 < seconds(b"".join(chunks)) < 7
    level = speech_level(np.frombuffer(b"".join(chunks), "<i2") / 32768)
    assert level == pytest.approx(-20, abs=1.5)
    late = Ticket(deadline=0.0)  # drops whatever has to queue for the model
    assert [chunk async for chunk in engine.synthesize(LONG, voice, late)] == chunks


async def test_an_interrupted_sentence_ends_at_once_and_is_not_cached(engine: Kokoro) -> None:
    text = f"{LONG} {HELD_OUT[-1]}"
    stream = engine.synthesize(text, Voice("af_heart"))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    with pytest.raises(EngineBusy):
        await anext(engine.synthesize(text, Voice("af_heart"), Ticket(deadline=0.0)))
    assert await spoken(engine, "Yes.", Voice("af_heart"))


async def test_another_voice_speaks_before_it_is_measured(
    released_models: Path, directory: Path
) -> None:
    engine = await load(released_models, directory)
    chunks = [chunk async for chunk in engine.synthesize(LONG, Voice("am_adam"))]
    assert len(chunks) == 1
    assert not engine.streams
    await engine.close()


async def test_measurements_are_kept_and_damaged_ones_made_again(
    engine: Kokoro, released_models: Path, directory: Path
) -> None:
    (file,) = directory.glob("af_heart-*.npz")
    content = file.read_bytes()
    again = await streaming(await load(released_models, directory))
    await again.close()
    assert file.read_bytes() == content
    file.write_bytes(content[:1000])
    again = await streaming(await load(released_models, directory))
    await again.close()
    assert len(file.read_bytes()) == len(content)


@pytest.fixture(scope="module")
def whisper(released_models: Path) -> Iterator[Whisper]:
    engine = asyncio.run(Whisper.load(released_models / "base", "cpu", "int8", 2))
    yield engine
    asyncio.run(engine.close())


async def test_the_words_are_those_of_the_published_graph(
    published: Published, calibration: Calibration, whisper: Whisper
) -> None:
    for text in HELD_OUT:
        sliced = published.sliced(calibration, published.sentence(text, "af_heart"))
        heard = [
            (await whisper.transcribe(at_16_khz(audio))).text
            for audio in (published.audio(text, "af_heart"), sliced)
        ]
        assert heard[0] == heard[1]
