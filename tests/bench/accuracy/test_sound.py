"""Conditions and sounds from a seed."""

import numpy as np
import pytest

from appliance.audio.format import INPUT_RATE
from appliance.bench.accuracy import sound
from appliance.bench.accuracy.sound import Signal
from appliance.bench.accuracy.utterances import CONDITIONS


@pytest.fixture
def speech() -> Signal:
    """A second of silence, a second of tone, a second of silence."""
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(INPUT_RATE) / INPUT_RATE)
    silence = np.zeros(INPUT_RATE)
    return np.concatenate([silence, tone, silence]).astype(np.float32)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_comes_from_its_seed(condition: str, speech: Signal) -> None:
    others = [sound.pink_noise(5000, np.random.default_rng(1)) for _ in range(3)]
    first, again, another = (
        sound.in_condition(speech, condition, others, np.random.default_rng(seed))
        for seed in (7, 7, 8)
    )
    assert first.shape == speech.shape
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert np.array_equal(first, another) == (condition in ("clean", "telephone"))
    assert np.array_equal(first, speech) == (condition == "clean")


@pytest.mark.parametrize("decibels", [20, 10, 5])
def test_noise_is_as_loud_as_it_says(decibels: int, speech: Signal) -> None:
    noisy = sound.in_condition(speech, f"noise-{decibels}", [], np.random.default_rng(1))
    noise = noisy - speech
    ratio = 20 * np.log10(0.2 / np.sqrt(2) / np.sqrt(np.square(noise).mean()))
    assert ratio == pytest.approx(decibels, abs=0.3)


def test_a_room_goes_on_after_the_voice(speech: Signal) -> None:
    heard = sound.room(speech, np.random.default_rng(1))
    after = heard[2 * INPUT_RATE : 2 * INPUT_RATE + 1600]
    assert np.abs(after).max() > 0.005
    assert np.abs(heard[: INPUT_RATE - 1]).max() < 1e-4


def test_a_telephone_has_no_bass() -> None:
    time = np.arange(INPUT_RATE) / INPUT_RATE
    bass, voice = (0.3 * np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (90, 900))
    assert np.abs(sound.telephone(bass)).max() < 0.01
    assert np.abs(sound.telephone(voice)).max() > 0.25


def test_silence_around_speech_is_removed(speech: Signal) -> None:
    assert len(sound.without_silence(speech)) == pytest.approx(INPUT_RATE, abs=500)
    assert not sound.without_silence(np.zeros(100, np.float32)).size


@pytest.mark.parametrize("name", sound.NO_SPEECH)
def test_sounds_without_speech_have_their_level(name: str) -> None:
    made = sound.no_speech(name, 1.5, -30.0, np.random.default_rng(2))
    assert len(made) == 1.5 * INPUT_RATE
    level = 20 * np.log10(np.sqrt(np.square(made).mean()))
    assert level == pytest.approx(-30, abs=0.2)


def test_pcm_and_samples_are_the_same_sound(speech: Signal) -> None:
    back = sound.pcm_signal(sound.signal_pcm(speech))
    assert np.abs(back - speech).max() < 1e-4
