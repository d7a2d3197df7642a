"""The sound of a timer."""

import numpy as np

from appliance.audio.chime import chime
from appliance.audio.format import OUTPUT_RATE


def test_it_is_a_second_of_sound_that_starts_and_ends_in_silence() -> None:
    samples = np.frombuffer(chime(), "<i2")
    assert 0.5 < len(samples) / OUTPUT_RATE < 2
    assert abs(int(samples[0])) < 100
    assert abs(int(samples[-1])) < 100
    assert 8_000 < np.abs(samples.astype(int)).max() < 16_000


def test_nothing_in_it_clicks() -> None:
    """A click is a jump: the highest tone, at its peak, moves less from sample to sample."""
    samples = np.frombuffer(chime(), "<i2").astype(int)
    steepest = 2 * np.pi * 2 * 1174.7 / OUTPUT_RATE * np.abs(samples).max()
    assert np.abs(np.diff(samples)).max() < steepest
