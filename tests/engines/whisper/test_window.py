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

SAID = DecodedWindow("what time is it", "en", likelihood=-0.3, no_speech=0.1, tokens=5)
LOOP = "thank you very much " * 12


@given(st.floats(0, 40), st.floats(1, 30))
def test_a_window_is_long_enough_and_not_much_longer(seconds: float, floor: float) -> None:
    chosen = window_seconds(seconds, floor)
    assert floor <= chosen <= FULL_WINDOW
    if chosen < FULL_WINDOW:
        assert chosen >= seconds + 2
    assert chosen == floor or chosen < seconds + 4 + 1e-6


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.1, 8), (3, 8), (6, 8), (6.1, 10), (8, 10), (8.1, 12), (25, 28), (26.1, 30), (28, 30)],
)
def test_utterances_of_nearly_the_same_length_share_a_window(
    seconds: float, expected: float
) -> None:
    assert window_seconds(seconds) == expected


def test_a_floor_of_thirty_seconds_leaves_the_full_window_alone() -> None:
    assert {window_seconds(seconds, FULL_WINDOW) for seconds in (0.1, 5, 28)} == {FULL_WINDOW}


@given(st.floats(0, 30))
def test_tokens_are_bounded_and_the_full_window_allows_more(seconds: float) -> None:
    short, full = max_tokens(seconds, full=False), max_tokens(seconds, full=True)
    # People say up to five words of English a second.
    assert 6.5 * seconds <= short <= full <= 224 or full == 224


def test_what_is_well_heard_is_believed_at_once() -> None:
    assert not is_doubtful(SAID)
    assert not is_hallucinated(SAID)


@pytest.mark.parametrize(
    "decoded",
    [replace(SAID, cut=True), replace(SAID, likelihood=-1.1), replace(SAID, text=LOOP)],
    ids=["cut", "unlikely", "loop"],
)
def test_what_is_doubtful_is_heard_again(decoded: DecodedWindow) -> None:
    assert is_doubtful(decoded)


def test_silence_is_not_heard_twice_and_says_nothing() -> None:
    silent = replace(SAID, no_speech=0.9, likelihood=-1.2)
    assert not is_doubtful(silent)
    assert is_hallucinated(silent)
    assert not is_doubtful(replace(SAID, text="", likelihood=-3.0))


def test_a_likely_text_is_believed_whatever_the_model_says_about_speech() -> None:
    assert not is_hallucinated(replace(SAID, no_speech=0.99))


def test_a_loop_says_nothing() -> None:
    assert is_hallucinated(replace(SAID, text=LOOP))


def test_a_word_without_a_voice_is_a_breath_but_a_sentence_is_a_whisper() -> None:
    assert is_hallucinated(replace(SAID, text="thank you", voiced=False))
    assert not is_hallucinated(replace(SAID, text="thank you"))
    assert not is_hallucinated(replace(SAID, voiced=False))
