import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.audio.format import INPUT_RATE
from appliance.audio.split import loudness, pieces
from tests.engines.sound import noise, silence


@settings(max_examples=30)
@given(st.integers(0, 20_000), st.floats(0.1, 1.0), st.floats(0.02, 0.09))
def test_splitting_loses_nothing_and_keeps_the_limit(
    samples: int, longest: float, search: float
) -> None:
    audio = noise(1000, samples / INPUT_RATE)
    parts = list(pieces(audio + b"\0", longest, search))
    assert b"".join(parts) == audio
    assert all(0 < len(part) <= round(longest * INPUT_RATE) * 2 for part in parts)


def test_a_cut_lies_in_the_pause() -> None:
    audio = noise(3000, 2.0) + silence(0.1) + noise(3000, 2.0)
    first, second = pieces(audio, 3.0, 1.5)
    assert 2.0 <= len(first) / 2 / INPUT_RATE <= 2.1
    assert first + second == audio


def test_short_audio_is_one_piece_and_empty_audio_none() -> None:
    audio = noise(1000, 0.5)
    assert list(pieces(audio, 15, 3)) == [audio]
    assert list(pieces(b"", 15, 3)) == []


@given(st.integers(20, 8000))
def test_loudness_is_a_share_of_full_scale(level: int) -> None:
    assert loudness(noise(level, 0.5)) == pytest.approx(level / 32768, rel=0.05)
    assert loudness(silence(0.1)) == loudness(b"") == loudness(b"\1") == 0
