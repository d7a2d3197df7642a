"""The features that smart-turn is given are Pipecat's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.audio.turn.smart_turn import _whisper_features as pipecat

from appliance.audio.mel import SAMPLES, features, hann_window, mel_filters
from tests.daemon import LEAD_IN, speech


def pipecat_features(audio: np.ndarray) -> np.ndarray:
    audio = audio[-SAMPLES:]
    padded = np.pad(audio, (SAMPLES - len(audio), 0))
    return pipecat.compute_whisper_log_mel_features(padded)


def test_window_and_filters_are_pipecats_in_single_precision() -> None:
    np.testing.assert_array_equal(hann_window(), pipecat._HANN_WINDOW.astype(np.float32))
    np.testing.assert_array_equal(mel_filters(), pipecat._MEL_FILTERS.astype(np.float32))


@pytest.mark.slow
@settings(max_examples=20)
@given(
    samples=st.integers(1, SAMPLES + 20_000),
    level=st.floats(1e-3, 1.0),
    offset=st.floats(-0.05, 0.05),
    seed=st.integers(0, 100),
)
def test_features_of_noise_are_pipecats(
    samples: int, level: float, offset: float, seed: int
) -> None:
    audio = np.random.default_rng(seed).normal(offset, level, samples).astype(np.float32)
    assert features(audio) == pytest.approx(pipecat_features(audio), abs=0.002)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
def test_features_of_speech_are_pipecats(seconds: float) -> None:
    pcm = (LEAD_IN + speech("what_time_is_it"))[: int(seconds * 16_000) * 2]
    audio = (np.frombuffer(pcm, np.int16) / 32768).astype(np.float32)
    assert features(audio) == pytest.approx(pipecat_features(audio), abs=0.002)


def test_features_of_silence_are_pipecats() -> None:
    audio = np.zeros(16_000, dtype=np.float32)
    assert features(audio) == pytest.approx(pipecat_features(audio), abs=0.002)
