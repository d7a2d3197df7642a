from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.whisper.window import (
    FULL_WINDOW,
    DecodedWindow,
    is_doubtful,
    is_hallucinated,
    max_tokens,
    window_seconds,
)

SPOKEN = DecodedWindow("what time is it", "en", likelihood=-0.3, no_speech=0.1, tokens=5)
LOOP = "thank you very much " * 12


@given(st.floats(0, 40), st.floats(1, 30))
def test_a_window_is_long_enough_and_not_much_longer(seconds: float, min_window: float) -> None:
    chosen = window_seconds(seconds, min_window)
    assert min_window <= chosen <= FULL_WINDOW
    if chosen < FULL_WINDOW:
        assert chosen >= seconds + 2
    assert chosen == min_window or chosen < seconds + 4 + 1e-6


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.1, 8), (3, 8), (6, 8), (6.1, 10), (8, 10), (8.1, 12), (25, 28), (26.1, 30), (28, 30)],
)
def test_utterances_of_nearly_the_same_length_share_a_window(
    seconds: float, expected: float
) -> None:
    assert window_seconds(seconds) == expected


def test_a_minimum_of_thirty_seconds_leaves_only_the_full_window() -> None:
    assert {window_seconds(seconds, FULL_WINDOW) for seconds in (0.1, 5, 28)} == {FULL_WINDOW}


@given(st.floats(0, 30))
def test_tokens_are_bounded_and_the_full_window_allows_more(seconds: float) -> None:
    short, full = max_tokens(seconds, full=False), max_tokens(seconds, full=True)
    # People say up to five words of English a second.
    assert 6.5 * seconds <= short <= full <= 224 or full == 224


def test_a_likely_text_is_accepted_at_once() -> None:
    assert not is_doubtful(SPOKEN)
    assert not is_hallucinated(SPOKEN)


@pytest.mark.parametrize(
    "decoded",
    [replace(SPOKEN, cut=True), replace(SPOKEN, likelihood=-1.1), replace(SPOKEN, text=LOOP)],
    ids=["cut", "unlikely", "loop"],
)
def test_a_doubtful_text_is_decoded_again(decoded: DecodedWindow) -> None:
    assert is_doubtful(decoded)


def test_silence_is_not_decoded_again_and_has_no_text() -> None:
    silent = replace(SPOKEN, no_speech=0.9, likelihood=-1.2)
    assert not is_doubtful(silent)
    assert is_hallucinated(silent)
    assert not is_doubtful(replace(SPOKEN, text="", likelihood=-3.0))


def test_a_likely_text_is_accepted_even_with_a_high_no_speech_probability() -> None:
    assert not is_hallucinated(replace(SPOKEN, no_speech=0.99))


def test_a_loop_is_hallucinated() -> None:
    assert is_hallucinated(replace(SPOKEN, text=LOOP))


def test_unvoiced_words_are_a_breath_but_an_unvoiced_sentence_is_whispered() -> None:
    assert is_hallucinated(replace(SPOKEN, text="thank you", voiced=False))
    assert not is_hallucinated(replace(SPOKEN, text="thank you"))
    assert not is_hallucinated(replace(SPOKEN, voiced=False))
