"""The features that smart-turn is shown are Pipecat's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.audio.turn.smart_turn._whisper_features import compute_whisper_log_mel_features

from appliance.audio.mel import SAMPLES, features
from tests.daemon import LEAD_IN, speech


def pipecats(audio: np.ndarray) -> np.ndarray:
    audio = audio[-SAMPLES:]
    return compute_whisper_log_mel_features(np.pad(audio, (SAMPLES - len(audio), 0)))


@pytest.mark.slow
@settings(max_examples=20)
@given(
    samples=st.integers(1, SAMPLES + 20_000),
    level=st.floats(1e-3, 1.0),
    offset=st.floats(-0.05, 0.05),
    seed=st.integers(0, 100),
)
def test_noise_looks_the_same(samples: int, level: float, offset: float, seed: int) -> None:
    audio = np.random.default_rng(seed).normal(offset, level, samples).astype(np.float32)
    assert features(audio) == pytest.approx(pipecats(audio), abs=0.002)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
def test_speech_looks_the_same(seconds: float) -> None:
    pcm = (LEAD_IN + speech("what_time_is_it"))[: int(seconds * 16_000) * 2]
    audio = (np.frombuffer(pcm, np.int16) / 32768).astype(np.float32)
    assert features(audio) == pytest.approx(pipecats(audio), abs=0.002)


def test_silence_looks_the_same() -> None:
    audio = np.zeros(16_000, dtype=np.float32)
    assert features(audio) == pytest.approx(pipecats(audio), abs=0.002)
