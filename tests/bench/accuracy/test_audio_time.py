"""Turns at audio time, by the real voice detector and smart-turn."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from appliance.bench.accuracy.audio_time import (
    AudioTimeListener,
    TurnTaking,
    our_turn_taking,
    stock_turn_taking,
)
from appliance.bench.accuracy.clips import Clip
from appliance.config.layers import DEFAULT_FILE
from appliance.config.loader import load
from appliance.voice.turns.shared_models import TurnModels
from tests.daemon import speech

QUESTION = speech("what_time_is_it")
TURN = load([DEFAULT_FILE], {}).turn


@pytest.fixture(scope="module")
def models() -> Iterator[TurnModels]:
    loaded = TurnModels.load()
    yield loaded
    loaded.close()


def clip(pcm: bytes) -> Clip:
    return Clip(*("1", "what time is it", "en", "question", "clean", "slt"), pcm, 0.3, 1.0)


def listener(models: TurnModels, heard: list[bytes], words: str = "words") -> AudioTimeListener:
    async def transcribe(pcm: bytes, language: str) -> str:
        heard.append(pcm)
        questions = 1 if len(pcm) <= 1.5 * len(heard[0]) else 2
        return " ".join([words] * questions).strip()

    return AudioTimeListener(models, transcribe, lambda text: text == "What time is it?")


def ending_after(seconds: float) -> TurnTaking:
    return replace(our_turn_taking(TURN), decide=lambda known: seconds)


async def test_the_silence_that_is_asked_for_ends_the_turn(models: TurnModels) -> None:
    heard: list[bytes] = []
    ears = listener(models, heard)
    early = await ears.hear(clip(QUESTION), ending_after(0.2))
    late = await ears.hear(clip(QUESTION), ending_after(1.0))
    assert (early.text, len(early.starts), len(early.stops)) == ("words", 1, 1)
    assert late.starts == early.starts
    assert late.stops[0] - early.stops[0] == pytest.approx(0.8, abs=0.03)
    assert len(heard[0]) < len(QUESTION)


async def test_a_pause_that_is_too_short_belongs_to_the_turn(models: TurnModels) -> None:
    heard: list[bytes] = []
    ears = listener(models, heard)
    twice = clip(QUESTION + QUESTION)  # 0.6 s of silence between them
    whole = await ears.hear(twice, ending_after(1.2))
    assert (whole.text, len(whole.starts), len(whole.stops)) == ("words words", 1, 1)
    assert len(heard) == 2
    assert len(heard[1]) > 1.5 * len(heard[0]), "the first is heard again with it"
    parts = await ears.hear(twice, ending_after(0.3))
    assert (len(parts.starts), len(parts.stops)) == (2, 2)


async def test_a_spoken_command_waits_no_longer_than_it_must(models: TurnModels) -> None:
    ways = our_turn_taking(TURN)
    command = await listener(models, [], "What time is it?").hear(clip(QUESTION), ways)
    least = await listener(models, []).hear(clip(QUESTION), ending_after(0.2))
    assert command.stops == least.stops


async def test_speech_without_words_is_no_turn_that_ended(models: TurnModels) -> None:
    found = await listener(models, [], "").hear(clip(QUESTION), stock_turn_taking())
    assert (found.text, len(found.starts), found.stops) == ("", 1, ())


async def test_silence_is_no_turn(models: TurnModels) -> None:
    heard: list[bytes] = []
    found = await listener(models, heard).hear(clip(bytes(32_000)), stock_turn_taking())
    assert (found.text, found.starts, found.stops, heard) == ("", (), (), [])
