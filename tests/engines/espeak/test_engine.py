import asyncio
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from appliance.engines import Voice
from appliance.engines.espeak import library as espeak_library
from appliance.engines.espeak.engine import Espeak
from appliance.engines.espeak.library import Delivery, library
from appliance.errors import EngineFailed, ModelBroken, ModelMissing
from tests.engines.sound import level, seconds, spoken, turns_during

SENTENCE = "It is twenty past four in the afternoon."


async def test_it_speaks_at_an_ordinary_pace_and_level(espeak: Espeak) -> None:
    said = await spoken(espeak, SENTENCE)
    assert 1.5 < seconds(said) < 4
    assert -23 < level(said) < -17
    samples = np.abs(np.frombuffer(said, "<i2").astype(int))
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
async def test_a_senseless_speed_is_bounded(espeak: Espeak, speed: float) -> None:
    assert 0.3 < seconds(await spoken(espeak, SENTENCE, Voice(speed=speed))) < 10


# eSpeak trembles a little at random: the same words are as long each time, not the same bytes.
async def test_it_speaks_the_language(espeak: Espeak) -> None:
    voices = (Voice(), Voice("de"), Voice(language="de"), Voice("fr-fr"), Voice(language="fr"))
    english, german, also_german, french, also_french = [
        seconds(await spoken(espeak, "Guten Abend, die Sonne", voice)) for voice in voices
    ]
    assert german == also_german
    assert french == also_french
    assert len({english, german, french}) == 3


async def test_a_voice_it_does_not_have_gives_way_to_its_own(espeak: Espeak) -> None:
    own = seconds(await spoken(espeak, SENTENCE))
    assert espeak.voices[0] == "en-us"
    assert seconds(await spoken(espeak, SENTENCE, Voice("af_sarah", "en"))) == own
    assert seconds(await spoken(espeak, SENTENCE, Voice("af_sarah", "xx"))) == own


@pytest.mark.parametrize("text", ["", "   ", "…", "😀", "\0"])
async def test_nothing_is_said_without_words(espeak: Espeak, text: str) -> None:
    assert await spoken(espeak, text) == b""


@pytest.mark.parametrize("text", ["one\0two", "<speak>one & two</speak>", "[[one]] two", "日本"])
async def test_any_text_can_be_said(espeak: Espeak, text: str) -> None:
    assert 0.2 < seconds(await spoken(espeak, text)) < 10


async def test_leaving_cuts_it_off_at_once(espeak: Espeak) -> None:
    stream = espeak.synthesize(SENTENCE * 2000, Voice())
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator behind its protocol
    # The one thread is free again, or this would wait for an hour and a half of speech.
    assert await spoken(espeak, "next")


async def test_those_who_speak_at_once_do_not_disturb_each_other(espeak: Espeak) -> None:
    other = await Espeak.load()
    texts = ["one two three", "vier fünf sechs", SENTENCE]
    voices = [Voice(), Voice("de"), Voice(speed=1.4)]
    pairs = list(zip(texts, voices, strict=True))
    alone = [seconds(await spoken(espeak, *pair)) for pair in pairs]
    both = [spoken(engine, *pair) for engine in (espeak, other) for pair in pairs]
    together = [seconds(said) for said in await asyncio.gather(*both)]
    assert together == alone * 2
    await other.close()


async def test_the_loop_goes_on_while_it_speaks(espeak: Espeak) -> None:
    said, turns = await turns_during(lambda: spoken(espeak, SENTENCE * 30), 10)
    assert seconds(said) > 30
    assert turns > 10


async def test_a_closed_engine_says_so() -> None:
    engine = await Espeak.load()
    await engine.close()
    await engine.close()
    with pytest.raises(EngineFailed, match="closed"):
        await spoken(engine, "late")


def test_an_unknown_voice_is_an_error_of_the_library() -> None:
    with pytest.raises(EngineFailed, match="no voice"):
        library().speak("one", "no such voice", Delivery(), lambda samples: True)


def test_an_error_of_the_listener_comes_back_to_it() -> None:
    def broken(samples: bytes) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        library().speak("one", "en-us", Delivery(), broken)


class _Spec:
    def __init__(self, directory: Path) -> None:
        self.submodule_search_locations = [str(directory)]


def test_files_that_are_missing_or_foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util
    monkeypatch.setattr(find, "find_spec", lambda name: None)
    with pytest.raises(ModelMissing, match="not installed"):
        espeak_library._load()
    monkeypatch.setattr(find, "find_spec", lambda name: _Spec(tmp_path))
    with pytest.raises(ModelMissing, match="libespeak-ng"):
        espeak_library._load()
    (tmp_path / "espeak-ng-data").mkdir()
    (tmp_path / "espeak-ng-data" / "phondata").touch()
    (tmp_path / "libespeak-ng.so").write_bytes(b"no library")
    with pytest.raises(ModelBroken, match="cannot be used"):
        espeak_library._load()
