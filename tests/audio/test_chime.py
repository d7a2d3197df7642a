"""The chime of a timer."""

import numpy as np

from appliance.audio.chime import chime
from appliance.audio.format import OUTPUT_RATE


def test_the_chime_lasts_a_second_and_starts_and_ends_in_silence() -> None:
    samples = np.frombuffer(chime(), "<i2")
    assert 0.5 < len(samples) / OUTPUT_RATE < 2
    assert abs(int(samples[0])) < 100
    assert abs(int(samples[-1])) < 100
    assert 8_000 < np.abs(samples.astype(int)).max() < 16_000


def test_the_chime_has_no_clicks() -> None:
    """A click is a larger step between samples than the highest tone makes."""
    samples = np.frombuffer(chime(), "<i2").astype(int)
    steepest = 2 * np.pi * 2 * 1174.7 / OUTPUT_RATE * np.abs(samples).max()
    assert np.abs(np.diff(samples)).max() < steepest
