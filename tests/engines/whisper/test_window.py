from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.whisper.window import (
    FULL_WINDOW,
    DecodedWindow,
    better,
    has_loop,
    is_doubtful,
    is_hallucinated,
    max_tokens,
    next_window,
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
    [replace(SPOKEN, cut=True), replace(SPOKEN, likelihood=-0.6), replace(SPOKEN, text=LOOP)],
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


def _decoded(text: str, seconds: float = 2.4) -> DecodedWindow:
    return replace(SPOKEN, text=text, seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "Open the garage door. Open the garage door.",
        "How long should I boil an egg, how long should I boil an egg so that it stays soft?",
        "thank you thank you thank you",
        LOOP,
        " ".join(["no"] * 40),
    ],
)
def test_a_phrase_that_follows_itself_is_a_loop(text: str) -> None:
    assert has_loop(_decoded(text))
    assert is_doubtful(_decoded(text))
    assert next_window(_decoded(text), (8.0,)) == FULL_WINDOW


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no, no, no, no, no, no, no, no",
        "Stop, stop, stop, stop, stop, stop.",
        "Bye bye.",
        "Thank you, thank you.",
        "Open the garage door and close the garage door.",
        "It was very very very good.",
    ],
)
def test_what_people_repeat_is_no_loop(text: str) -> None:
    assert not has_loop(_decoded(text))
    assert not is_doubtful(_decoded(text))
    assert not is_hallucinated(_decoded(text))


@pytest.mark.parametrize("times", range(1, 12))
def test_a_word_that_was_said_again_and_again_is_believed(times: int) -> None:
    said = _decoded(", ".join(["no"] * times), seconds=times / 4)
    assert not is_hallucinated(said)
    assert not is_doubtful(said)


def test_more_words_than_there_was_time_for_are_a_loop() -> None:
    assert is_hallucinated(_decoded("no " * 60, seconds=2.0))
    assert is_hallucinated(replace(_decoded("no " * 30, seconds=10.0), voiced=False))


WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=8, unique=True)


@given(WORDS, st.integers(2, 5))
def test_a_sentence_is_a_loop_as_soon_as_it_is_repeated(words: list[str], times: int) -> None:
    sentence = " ".join(words)
    assert not has_loop(_decoded(sentence))
    assert has_loop(_decoded(". ".join([sentence] * times)))


def test_an_unlikely_text_is_decoded_again_in_the_same_window() -> None:
    assert next_window(replace(SPOKEN, likelihood=-0.35), (8.0,)) == 8.0
    assert next_window(replace(SPOKEN, cut=True), (8.0,)) == FULL_WINDOW


def test_only_a_text_that_stays_unlikely_is_worth_the_full_window() -> None:
    assert next_window(replace(SPOKEN, likelihood=-0.45), (8.0, 8.0)) is None
    assert next_window(replace(SPOKEN, likelihood=-0.55), (8.0, 8.0)) == FULL_WINDOW


@pytest.mark.parametrize("tried", [(8.0, FULL_WINDOW), (8.0, 8.0, FULL_WINDOW), (30.0, 30.0)])
def test_the_full_window_with_beams_is_the_last_pass(tried: tuple[float, ...]) -> None:
    assert next_window(replace(SPOKEN, likelihood=-2.0, cut=True), tried) is None


def test_of_two_passes_the_one_without_a_loop_or_else_the_likelier_is_believed() -> None:
    loop, sentence = _decoded("Open the door. Open the door."), _decoded("Open the door.")
    unlikely = replace(sentence, likelihood=-0.9)
    assert better(loop, unlikely) is unlikely
    assert better(unlikely, loop) is unlikely
    assert better(unlikely, sentence) is sentence
    assert better(sentence, unlikely) is sentence
    assert better(replace(sentence, cut=True), unlikely) is unlikely


def test_the_last_of_many_equal_words_may_be_torn() -> None:
    torn = _decoded("nyo " * 10 + "n", seconds=3.0)
    assert not is_hallucinated(torn)
    assert is_hallucinated(replace(torn, voiced=False))
    assert is_hallucinated(_decoded("nyo " * 10 + "so", seconds=3.0))


def test_a_likely_text_that_compresses_as_a_loop_gives_way_to_a_sentence() -> None:
    loop = _decoded("nyo " * 10 + "so", seconds=3.0)
    sentence = replace(loop, text="No, no, no, no.", likelihood=loop.likelihood - 0.1)
    assert better(loop, sentence) is sentence
    assert better(sentence, replace(loop, likelihood=-0.1)) is sentence
