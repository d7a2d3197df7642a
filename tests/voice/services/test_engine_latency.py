"""A slow engine is not asked for what may not be needed."""

import pytest

from appliance.voice.services.engine_latency import (
    EAGER_MS,
    EAGER_SECONDS,
    LATE_MS,
    LATE_SECONDS,
    QUICK_VOICE,
    SLOW_MS,
    EngineLatency,
)


def test_an_engine_that_nobody_knows_is_taken_for_a_slow_one() -> None:
    pace = EngineLatency()
    assert (pace.patience_ms("whisper"), pace.interim_seconds("whisper")) == (SLOW_MS, None)


def test_a_fast_engine_is_asked_at_the_first_sign_of_silence() -> None:
    pace = EngineLatency()
    pace.took("whisper", 0.09)
    assert pace.patience_ms("whisper") == EAGER_MS
    assert pace.interim_seconds("whisper") == pytest.approx(0.5)


def test_other_engines_do_not_count() -> None:
    pace = EngineLatency()
    pace.took("whisper", 0.09)
    assert pace.patience_ms("sphinx") == SLOW_MS


def test_it_notices_when_an_engine_gets_slow_and_fast_again() -> None:
    pace = EngineLatency()
    pace.took("whisper", 0.05)
    for _ in range(5):
        pace.took("whisper", 2 * EAGER_SECONDS)
    assert (pace.patience_ms("whisper"), pace.interim_seconds("whisper")) == (SLOW_MS, None)
    for _ in range(10):
        pace.took("whisper", 0.05)
    assert pace.patience_ms("whisper") == EAGER_MS


def test_a_voice_is_quick_when_it_has_shown_it() -> None:
    pace = EngineLatency()
    assert not pace.is_quick("kokoro")
    pace.spoke("kokoro", 0.08, 2.0)
    assert pace.is_quick("kokoro")
    for _ in range(5):
        pace.spoke("kokoro", 2 * QUICK_VOICE, 1.0)
    assert not pace.is_quick("kokoro")


def test_silence_is_no_measure_of_a_voice() -> None:
    pace = EngineLatency()
    pace.spoke("kokoro", 0.01, 0.0)
    assert not pace.is_quick("kokoro")


def test_an_engine_in_a_crowd_is_asked_once() -> None:
    pace = EngineLatency()
    pace.took("sphinx", LATE_SECONDS)
    assert pace.patience_ms("sphinx") == LATE_MS
