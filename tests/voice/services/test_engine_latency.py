"""A slow engine is not asked for work that may not be needed while it is at work."""

import pytest

from appliance.text.pieces import QUICK_SECONDS
from appliance.voice.services.engine_latency import (
    BUSY_MS,
    EAGER_MS,
    EAGER_SECONDS,
    INTERIM_SECONDS,
    INTERIM_SHARE,
    EngineLatency,
)


def test_an_unmeasured_engine_counts_as_slow() -> None:
    latency = EngineLatency()
    assert latency.pause_ms("whisper", idle=False) == BUSY_MS
    assert latency.interim_seconds("whisper") is None


@pytest.mark.parametrize(("seconds", "expected"), [(0.09, EAGER_MS), (0.3, 20), (2.0, 20)])
def test_an_idle_engine_transcribes_at_the_first_sign_of_silence(
    seconds: float, expected: int
) -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", seconds)
    assert latency.pause_ms("whisper", idle=True) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.09, EAGER_MS), (0.3, BUSY_MS)])
def test_an_engine_at_work_is_asked_at_once_only_where_it_is_fast(
    seconds: float, expected: int
) -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", seconds)
    assert latency.pause_ms("whisper", idle=False) == expected


def test_engines_are_measured_apart() -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", 0.09)
    assert latency.pause_ms("sphinx", idle=False) == BUSY_MS


@pytest.mark.parametrize("seconds", [0.09, 0.2, 0.35])
def test_interim_transcripts_take_their_share_of_an_engine(seconds: float) -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", seconds)
    expected = max(0.5, seconds / INTERIM_SHARE)
    assert latency.interim_seconds("whisper") == pytest.approx(expected)


def test_an_engine_may_become_slow_and_fast_again() -> None:
    latency = EngineLatency()
    latency.add_transcription("whisper", 0.05)
    for _ in range(12):
        latency.add_transcription("whisper", max(EAGER_SECONDS, INTERIM_SECONDS) + 0.1)
    assert latency.pause_ms("whisper", idle=False) == BUSY_MS
    assert latency.interim_seconds("whisper") is None
    for _ in range(20):
        latency.add_transcription("whisper", 0.05)
    assert latency.pause_ms("whisper", idle=False) == EAGER_MS
    assert latency.interim_seconds("whisper") == 0.5


def test_a_voice_is_quick_once_it_was_measured_so() -> None:
    latency = EngineLatency()
    assert not latency.speech_cost("kokoro", streams=False).is_quick
    latency.add_synthesis("kokoro", 0.08, 2.0)
    assert latency.speech_cost("kokoro", streams=False).is_quick
    for _ in range(5):
        latency.add_synthesis("kokoro", 2 * QUICK_SECONDS, 1.0)
    assert not latency.speech_cost("kokoro", streams=False).is_quick


def test_synthesis_without_speech_is_not_counted() -> None:
    latency = EngineLatency()
    latency.add_synthesis("kokoro", 0.01, 0.0)
    assert not latency.speech_cost("kokoro", streams=False).is_quick


def test_the_cost_of_speech_is_learned_from_pieces_of_several_lengths() -> None:
    latency = EngineLatency()
    for sound in (0.9, 2.0, 4.0, 1.2, 3.0, 0.7, 2.5, 5.0):
        latency.add_synthesis("kokoro", 0.3 + 0.5 * sound, sound, expected=sound / 1.1)
    cost = latency.speech_cost("kokoro", streams=False)
    assert cost.start_seconds == pytest.approx(0.3, abs=0.1)
    assert cost.real_time_factor == pytest.approx(0.5, abs=0.05)
    assert cost.sound_scale == pytest.approx(1.1)


def test_the_first_piece_tells_the_cost_of_pieces_like_it() -> None:
    latency = EngineLatency()
    latency.add_synthesis("kokoro", 1.0, 2.0)
    assert latency.speech_cost("kokoro", streams=False).total(2.0) == pytest.approx(1.0)


def test_a_streaming_voice_starts_when_its_first_chunk_comes() -> None:
    latency = EngineLatency()
    latency.add_synthesis("kokoro", 1.5, 2.0, first_chunk=0.5)
    cost = latency.speech_cost("kokoro", streams=True)
    assert cost.ready(5.0) == 0.5
    assert cost.total(2.0) == pytest.approx(1.5)


def test_a_faster_rate_of_speech_has_less_sound() -> None:
    latency = EngineLatency()
    latency.add_synthesis("kokoro", 1.0, 2.0)
    assert latency.speech_cost("kokoro", streams=False, speed=2.0).sound_scale == 0.5
    assert latency.speech_cost("espeak", streams=True, speed=2.0).sound_scale == 0.5


def test_short_pieces_do_not_make_a_quick_voice_slow() -> None:
    latency = EngineLatency()
    for sound in (2.0, 0.3, 0.3, 0.3):
        latency.add_synthesis("timed", 0.08, sound)
    assert latency.speech_cost("timed", streams=False).is_quick
