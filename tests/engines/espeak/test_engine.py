import asyncio
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from appliance.engines import Voice
from appliance.engines.espeak import library
from appliance.engines.espeak.engine import Espeak
from appliance.engines.espeak.library import Delivery, espeak_library
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from tests.engines.sound import level, seconds, spoken, turns_during

SENTENCE = "It is twenty past four in the afternoon."


async def test_it_speaks_at_an_ordinary_pace_and_level(espeak: Espeak) -> None:
    pcm = await spoken(espeak, SENTENCE)
    assert 1.5 < seconds(pcm) < 4
    assert -23 < level(pcm) < -17
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(int))
    assert np.mean(samples >= 32767) == 0


async def test_the_first_chunk_comes_before_the_rest(espeak: Espeak) -> None:
    stream = espeak.synthesize(SENTENCE, Voice())
    assert seconds(await anext(stream)) < 0.2
    rest = [chunk async for chunk in stream]
    assert len(rest) > 10


async def test_speed_is_a_factor(espeak: Espeak) -> None:
    usual, fast, slow = [
        seconds(await spoken(espeak, SENTENCE, Voice(speed=speed))) for speed in (1.0, 1.6, 0.6)
    ]
    assert fast < 0.8 * usual < usual < 0.8 * slow


@pytest.mark.parametrize("speed", [0.0, -1.0, 1e6])
async def test_speed_is_clamped(espeak: Espeak, speed: float) -> None:
    assert 0.3 < seconds(await spoken(espeak, SENTENCE, Voice(speed=speed))) < 10


# eSpeak adds random jitter: the same words are equally long each time, but not equal bytes.
async def test_it_speaks_the_language(espeak: Espeak) -> None:
    voices = (Voice(), Voice("de"), Voice(language="de"), Voice("fr-fr"), Voice(language="fr"))
    english, german, also_german, french, also_french = [
        seconds(await spoken(espeak, "Guten Abend, die Sonne", voice)) for voice in voices
    ]
    assert german == also_german
    assert french == also_french
    assert len({english, german, french}) == 3


async def test_an_unknown_voice_gives_way_to_the_default(espeak: Espeak) -> None:
    own = seconds(await spoken(espeak, SENTENCE))
    assert espeak.voices[0] == "en-us"
    assert seconds(await spoken(espeak, SENTENCE, Voice("af_sarah", "en"))) == own
    assert seconds(await spoken(espeak, SENTENCE, Voice("af_sarah", "xx"))) == own


@pytest.mark.parametrize("text", ["", "   ", "…", "😀", "\0"])
async def test_text_without_words_is_silent(espeak: Espeak, text: str) -> None:
    assert await spoken(espeak, text) == b""


@pytest.mark.parametrize("text", ["one\0two", "<speak>one & two</speak>", "[[one]] two", "日本"])
async def test_any_text_can_be_said(espeak: Espeak, text: str) -> None:
    assert 0.2 < seconds(await spoken(espeak, text)) < 10


async def test_closing_the_stream_ends_the_synthesis(espeak: Espeak) -> None:
    stream = espeak.synthesize(SENTENCE * 2000, Voice())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    # Unless the one thread is free again, this waits for an hour and a half of speech.
    assert await spoken(espeak, "next")


async def test_concurrent_requests_do_not_affect_each_other(espeak: Espeak) -> None:
    other = await Espeak.load()
    texts = ["one two three", "vier fünf sechs", SENTENCE]
    voices = [Voice(), Voice("de"), Voice(speed=1.4)]
    pairs = list(zip(texts, voices, strict=True))
    alone = [seconds(await spoken(espeak, *pair)) for pair in pairs]
    both = [spoken(engine, *pair) for engine in (espeak, other) for pair in pairs]
    together = [seconds(pcm) for pcm in await asyncio.gather(*both)]
    assert together == alone * 2
    await other.close()


async def test_the_loop_goes_on_while_it_speaks(espeak: Espeak) -> None:
    pcm, turns = await turns_during(lambda: spoken(espeak, SENTENCE * 30), 10)
    assert seconds(pcm) > 30
    assert turns > 10


async def test_a_closed_engine_raises() -> None:
    engine = await Espeak.load()
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await spoken(engine, "late")


def test_an_unknown_voice_is_an_error_of_the_library() -> None:
    with pytest.raises(EngineFailed, match="no voice"):
        espeak_library().speak("one", "no such voice", Delivery(), lambda samples: True)


def test_an_error_in_the_callback_is_raised_to_the_caller() -> None:
    def broken(samples: bytes) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        espeak_library().speak("one", "en-us", Delivery(), broken)


class _Spec:
    def __init__(self, directory: Path) -> None:
        self.submodule_search_locations = [str(directory)]


def test_missing_and_foreign_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util
    monkeypatch.setattr(find, "find_spec", lambda name: None)
    with pytest.raises(ModelMissing, match="not installed"):
        library._load()
    monkeypatch.setattr(find, "find_spec", lambda name: _Spec(tmp_path))
    with pytest.raises(ModelMissing, match="libespeak-ng"):
        library._load()
    (tmp_path / "espeak-ng-data").mkdir()
    (tmp_path / "espeak-ng-data" / "phondata").touch()
    (tmp_path / "libespeak-ng.so").write_bytes(b"no library")
    with pytest.raises(ModelBroken, match="cannot be used"):
        library._load()
