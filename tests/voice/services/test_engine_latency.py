"""A slow engine is not asked for work that may not be needed."""

import pytest

from appliance.voice.services.engine_latency import (
    EAGER_MS,
    EAGER_SECONDS,
    LATE_MS,
    LATE_SECONDS,
    QUICK_REAL_TIME_FACTOR,
    SLOW_MS,
    EngineLatency,
)


def test_an_unmeasured_engine_counts_as_slow() -> None:
    latency = EngineLatency()
    assert (latency.pause_ms("whisper"), latency.interim_seconds("whisper")) == (SLOW_MS, None)


def test_a_fast_engine_transcribes_at_the_first_sign_of_silence() -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", 0.09)
    assert latency.pause_ms("whisper") == EAGER_MS
    assert latency.interim_seconds("whisper") == pytest.approx(0.5)


def test_engines_are_measured_apart() -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", 0.09)
    assert latency.pause_ms("sphinx") == SLOW_MS


def test_an_engine_may_become_slow_and_fast_again() -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", 0.05)
    for _ in range(5):
        latency.add_transcription("whisper", 2 * EAGER_SECONDS)
    assert (latency.pause_ms("whisper"), latency.interim_seconds("whisper")) == (SLOW_MS, None)
    for _ in range(10):
        latency.add_transcription("whisper", 0.05)
    assert latency.pause_ms("whisper") == EAGER_MS


def test_a_voice_is_quick_once_it_was_measured_so() -> None:
    latency = EngineLatency()
    assert not latency.is_quick("kokoro")
    latency.add_synthesis("kokoro", 0.08, 2.0)
    assert latency.is_quick("kokoro")
    for _ in range(5):
        latency.add_synthesis("kokoro", 2 * QUICK_REAL_TIME_FACTOR, 1.0)
    assert not latency.is_quick("kokoro")


def test_synthesis_without_speech_is_not_counted() -> None:
    latency = EngineLatency()
    latency.add_synthesis("kokoro", 0.01, 0.0)
    assert not latency.is_quick("kokoro")


def test_a_very_slow_engine_transcribes_only_at_the_end_of_speech() -> None:
    latency = EngineLatency()
    latency.add_transcription("sphinx", LATE_SECONDS)
    assert latency.pause_ms("sphinx") == LATE_MS
