from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audio.format import OUTPUT_RATE
from appliance.audio.loudness import gain, levelled, speech_level


def tone(level: float, seconds: float = 1.0) -> "np.ndarray[Any, Any]":
    """A tone whose root mean square is `level` dB of full scale."""
    times = np.arange(round(seconds * OUTPUT_RATE)) / OUTPUT_RATE
    wave: np.ndarray[Any, Any] = np.sin(2 * np.pi * 200 * times)
    louder: np.ndarray[Any, Any] = wave * np.sqrt(2) * 10 ** (level / 20)
    return louder


@given(st.floats(-26, -14))
def test_chunks_of_similar_loudness_become_equally_loud(level: float) -> None:
    assert speech_level(levelled(tone(level))) == pytest.approx(-20, abs=0.1)


@given(st.floats(-90, -3.5), st.floats(0.001, 1))
def test_the_gain_is_limited_and_never_clips(level: float, seconds: float) -> None:
    samples = tone(level, seconds)
    factor = gain(samples)
    assert 0.5 <= factor <= 2
    assert abs(samples * factor).max() <= max(0.98, abs(samples).max())


def test_the_order_of_loudness_is_kept() -> None:
    levels = [round(speech_level(levelled(tone(level))), 6) for level in range(-45, -4)]
    assert levels == sorted(levels)


def test_pauses_do_not_count() -> None:
    speech = tone(-24)
    with_pauses = np.concatenate([np.zeros(OUTPUT_RATE * 3), speech, np.zeros(OUTPUT_RATE)])
    assert gain(with_pauses) == pytest.approx(gain(speech), rel=0.01)


def test_peaks_limit_the_gain() -> None:
    samples = tone(-30)
    samples[5000:5020] = 0.9
    assert 1 < gain(samples) <= 0.97 / 0.9 + 1e-9


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(10), np.zeros(OUTPUT_RATE), tone(-60)])
def test_silence_stays_silence(samples: "np.ndarray[Any, Any]") -> None:
    assert gain(samples) == 1
