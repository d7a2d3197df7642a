import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from appliance.audio.loudness import speech_level
from appliance.engines import Ticket, Voice
from appliance.engines.espeak.engine import Espeak
from appliance.engines.kokoro.engine import Kokoro, choose_voice
from appliance.errors import EngineBusy, EngineFailed, ModelBroken, ModelMissing
from tests.engines.conftest import KOKORO_FILES
from tests.engines.sound import FIXTURES, seconds, spoken, turns_during

MODEL, VOICES = (FIXTURES / "micro_kokoro" / name for name in KOKORO_FILES)
SENTENCE = "It is twenty past four in the afternoon."


@pytest.fixture
async def caching() -> AsyncIterator[Kokoro]:
    engine = await Kokoro.load(MODEL, VOICES, "cpu", 1, phrase_bytes=4_000_000)
    yield engine
    await engine.close()


async def test_a_longer_sentence_makes_longer_audio(kokoro: Kokoro) -> None:
    short = seconds(await spoken(kokoro, "It is four."))
    long = seconds(await spoken(kokoro, SENTENCE))
    assert 0.4 < short < 1.5 < long < 4


async def test_speed_is_clamped_to_its_bounds(kokoro: Kokoro) -> None:
    normal, fast, clamped = [
        seconds(await spoken(kokoro, SENTENCE, Voice(speed=speed))) for speed in (1.0, 2.0, 99.0)
    ]
    assert fast == pytest.approx(clamped, rel=0.2)
    assert fast < 0.75 * normal


async def test_samples_beyond_full_scale_are_clipped(kokoro: Kokoro) -> None:
    samples = np.frombuffer(await spoken(kokoro, SENTENCE * 3), "<i2").astype(int)
    assert np.abs(samples).max() <= 32767
    # Without clipping, the samples would wrap around from one end of the scale to the other.
    assert np.abs(np.diff(samples)).max() < 60_000


async def test_a_long_text_is_yielded_in_batches(kokoro: Kokoro) -> None:
    stream = kokoro.synthesize(SENTENCE * 30, Voice())
    first = await anext(stream)
    rest = [chunk async for chunk in stream]
    assert len(rest) >= 2
    assert seconds(first) < 45


async def test_closing_the_stream_stops_after_the_current_batch(kokoro: Kokoro) -> None:
    stream = kokoro.synthesize(SENTENCE * 1000, Voice())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    assert await spoken(kokoro, "next")


async def test_a_cached_phrase_needs_no_model(caching: Kokoro) -> None:
    first = [chunk async for chunk in caching.synthesize(SENTENCE, Voice())]
    late = Ticket(deadline=0.0)  # drops whatever has to queue for the model
    again = [chunk async for chunk in caching.synthesize(f" {SENTENCE}\n", Voice(), late)]
    assert again == first
    assert (late.from_cache, late.started_at) == (True, None)
    for text, voice in [("It is four.", Voice()), (SENTENCE, Voice(speed=1.1))]:
        with pytest.raises(EngineBusy):
            await anext(caching.synthesize(text, voice, late))


async def test_an_interrupted_phrase_is_not_cached(caching: Kokoro) -> None:
    stream = caching.synthesize("Half a phrase.", Voice())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    with pytest.raises(EngineBusy):
        await anext(caching.synthesize("Half a phrase.", Voice(), Ticket(deadline=0.0)))


async def test_a_cache_without_capacity_stores_nothing(kokoro: Kokoro) -> None:
    await spoken(kokoro, SENTENCE)
    with pytest.raises(EngineBusy):
        await anext(kokoro.synthesize(SENTENCE, Voice(), Ticket(deadline=0.0)))


async def test_all_phrases_are_equally_loud(kokoro: Kokoro) -> None:
    texts = ["Yes.", SENTENCE, "Your timer for five minutes has ended, and the tea is ready."]
    phrases = [await spoken(kokoro, text) for text in texts]
    levels = [speech_level(np.frombuffer(pcm, "<i2") / 32768) for pcm in phrases]
    assert max(levels) - min(levels) < 1


@pytest.mark.parametrize("text", ["", "   ", "…", "?!", "\n"])
async def test_a_text_without_words_is_silent(kokoro: Kokoro, text: str) -> None:
    assert await spoken(kokoro, text) == b""


async def test_synthesis_does_not_block_the_event_loop(kokoro: Kokoro) -> None:
    pcm, turns = await turns_during(lambda: spoken(kokoro, SENTENCE * 5), 10)
    assert pcm
    assert turns > 10


async def test_kokoro_and_espeak_run_side_by_side(kokoro: Kokoro, espeak: Espeak) -> None:
    voice = Voice("de")
    german = seconds(await spoken(espeak, "Guten Tag", voice))
    english = seconds(await spoken(kokoro, SENTENCE))
    results = await asyncio.gather(
        *(spoken(espeak, "Guten Tag", voice) for _ in range(10)),
        *(spoken(kokoro, SENTENCE) for _ in range(5)),
    )
    assert {seconds(pcm) for pcm in results[:10]} == {german}
    # Kokoro trims silence, and what counts as silent in random noise varies a little.
    assert all(abs(seconds(pcm) - english) < 0.2 for pcm in results[10:])


def test_voices_fall_back_by_language_and_then_to_the_best() -> None:
    voices = ("af_sarah", "af_heart", "am_adam", "bf_emma", "ff_siwis")
    assert choose_voice(Voice("bf_emma"), voices) == "bf_emma"
    assert choose_voice(Voice("", "fr"), voices) == "ff_siwis"
    assert choose_voice(Voice("gone", "en"), voices) == "af_sarah"
    assert choose_voice(Voice("en-gb", "xx"), voices) == "af_sarah"
    assert choose_voice(Voice("", ""), voices) == "af_sarah"


async def test_voices_are_listed_best_first(kokoro: Kokoro) -> None:
    assert kokoro.voices == ("af_heart", "bf_emma", "am_adam")
    assert kokoro.name == "kokoro kokoro-micro cpu"
    assert await spoken(kokoro, "one", Voice("no such voice"))


async def test_a_closed_engine_raises() -> None:
    engine = await Kokoro.load(MODEL, VOICES, "cpu", 1)
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await spoken(engine, "late")


@pytest.mark.parametrize("absent", ["model", "voices"])
async def test_a_missing_file_is_named(tmp_path: Path, absent: str) -> None:
    gone = tmp_path / "absent.bin"
    files = {"model": MODEL, "voices": VOICES} | {absent: gone}
    with pytest.raises(ModelMissing, match=str(gone)):
        await Kokoro.load(files["model"], files["voices"], "cpu")


def _foreign_model(data: bytes) -> bytes:
    return data.replace(b"style", b"stylo")


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"<html>Please log in</html>",
        _foreign_model,
    ],
    ids=["truncated", "empty", "web page", "other inputs"],
)
async def test_a_broken_model_is_named(tmp_path: Path, corrupt: Callable[[bytes], bytes]) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(corrupt(MODEL.read_bytes()))
    with pytest.raises(ModelBroken, match=str(broken)) as raised:
        await Kokoro.load(broken, VOICES, "cpu")
    assert raised.value.advice


async def test_broken_voices_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "voices.bin"
    good = VOICES.read_bytes()
    for content in (good[: len(good) // 2], b"", b"<html>Please log in</html>"):
        broken.write_bytes(content)
        with pytest.raises(ModelBroken, match=str(broken)):
            await Kokoro.load(MODEL, broken, "cpu")
    with broken.open("wb") as file:
        np.savez(file, af_sarah=np.zeros((510, 256), np.float32))
    with pytest.raises(ModelBroken, match="af_sarah"):
        await Kokoro.load(MODEL, broken, "cpu")
    with broken.open("wb") as file:
        np.save(file, np.zeros((510, 1, 256), np.float32))
    with pytest.raises(ModelBroken, match=str(broken)):
        await Kokoro.load(MODEL, broken, "cpu")


async def test_a_missing_gpu_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    only_cpu = lambda: ["CPUExecutionProvider"]  # noqa: E731
    monkeypatch.setattr(onnxruntime, "get_available_providers", only_cpu)
    with pytest.raises(EngineFailed, match="no CUDA"):
        await Kokoro.load(MODEL, VOICES, "cuda")


async def test_samples_that_are_not_finite_are_not_played(
    kokoro: Kokoro, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.full(24_000, np.nan, np.float32)
    monkeypatch.setattr("kokoro_onnx.Kokoro.create", lambda *_, **__: (nothing, 24_000))
    with pytest.raises(EngineFailed, match="not finite"):
        await spoken(kokoro, SENTENCE)
