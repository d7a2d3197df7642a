"""Word errors of transcripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.word_error_rate import WordErrors, error_rate, word_errors

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c", "a b c", WordErrors(3)),
        ("a b c", "a x c", WordErrors(3, substituted=1)),
        ("a b c", "a b b c", WordErrors(3, inserted=1)),
        ("a b c", "a", WordErrors(3, deleted=2)),
        ("", "a b", WordErrors(0, inserted=2)),
        ("a b c d", "b c x d", WordErrors(4, inserted=1, deleted=1)),
    ],
)
def test_errors_by_kind(said: str, heard: str, errors: WordErrors) -> None:
    assert word_errors(said.split(), heard.split()) == errors


@given(WORDS, WORDS)
def test_there_are_as_many_errors_in_either_direction(said: list[str], heard: list[str]) -> None:
    there, back = word_errors(said, heard), word_errors(heard, said)
    assert there.count == back.count
    assert there.inserted - there.deleted == len(heard) - len(said)
    assert abs(len(heard) - len(said)) <= there.count <= max(len(said), len(heard))
    assert (there.count == 0) == (said == heard)


def test_the_rate_is_of_the_words_that_were_said() -> None:
    assert error_rate("What time is it?", "what time was it") == 0.25
    assert error_rate("", "you") == 1.0
    both = WordErrors(3, 1, 0, 0) + WordErrors(7, 0, 1, 2)
    assert both == WordErrors(10, 1, 1, 2)
    assert both.rate == 0.4
