"""What follows the words that are known, in a transcript of both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.continuation import continuation


@pytest.mark.parametrize(
    ("known", "whole", "rest"),
    [
        ("Set a timer for.", "Set a timer for ten minutes.", "ten minutes."),
        ("Put bread on there.", "Put bread on the shopping list.", "shopping list."),
        ("I would like ends.", "I would like an orange juice.", "orange juice."),
        ("My number is 555.", "My number is 555-1234.", "1234."),
        ("My number is five five five.", "My number is 555, 1234.", "1234."),
        ("No.", "No, no.", "no."),
        ("Call David.", "Call David.", ""),
        ("Call David.", "", ""),
        ("", "Call David.", "Call David."),
        ("我想", "我想喝茶", "喝茶"),
        ("Rappelle-moi de", "Rappelle-moi de téléphoner à ma sœur.", "téléphoner à ma sœur."),
    ],
)
def test_the_words_that_follow_those_known(known: str, whole: str, rest: str) -> None:
    assert continuation(known, whole) == rest


SPOKEN = ("set", "timer", "for", "5", "minutes", "no", "l'heure")
WORDS = st.lists(st.sampled_from(SPOKEN), max_size=8)


@given(WORDS, WORDS)
def test_a_beginning_that_is_heard_alike_is_taken_off_whole(
    known: list[str], rest: list[str]
) -> None:
    assert continuation(" ".join(known), " ".join([*known, *rest])) == " ".join(rest)


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_follows_is_the_end_of_the_whole(known: str, whole: str) -> None:
    assert whole.endswith(continuation(known, whole))
