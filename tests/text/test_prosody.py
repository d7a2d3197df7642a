"""A text is cut where a reader would breathe; numbers, dates and names stay whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.prosody import Strength, boundaries, speech_seconds


def _marked(text: str, strength: Strength = Strength.WORD, *, complete: bool = True) -> str:
    """The text with a bar at each boundary of that strength or a stronger one."""
    for place in reversed(boundaries(text, complete=complete)):
        if place.strength >= strength:
            text = f"{text[: place.end]}|{text[place.end :]}"
    return text


@pytest.mark.parametrize(
    "text",
    [
        "about 13. 8 billion years",
        "13.8 billion",
        "nine hundred and five",
        "from nine to five",
        "at 9:30",
        "half past nine",
        "on March 2, 2027",
        "2 March 2027",
        "555 123 4567",
        "5 kg",
        "180 degrees",
        "$5 million",
        "50 %",
        "3 of 4",
        "Dr. Smith",
        "J. R. R. Tolkien",
        "Martin Luther King",
        "the U.S. Army",
        "`git commit, then push`",
        "https://example.org/a,b;c",
        "a@b.example",
        "e.g. apples",
        '"e.g." stands',
        "No. 5",
        "in the morning",
    ],
)
def test_what_belongs_together_is_not_torn(text: str) -> None:
    assert _marked(text) == text


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("It is noon. Time to eat.", "It is noon.| Time to eat."),
        ("In 2026. Then on.", "In 2026.| Then on."),
        ("1. Preheat it. 2. Mix it.", "1. Preheat it.| 2. Mix it."),
        ("He ate five. They ran.", "He ate five.| They ran."),
        ("one\ntwo\nthree", "one\n|two\n|three"),
        ("你好。再见", "你好。|再见"),
    ],
)
def test_ends_of_sentences(text: str, marked: str) -> None:
    assert _marked(text, Strength.SENTENCE).removesuffix("|") == marked


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Well, that is so", "Well,| that is so"),
        ("wet – and cold", "wet –| and cold"),
        ("It is salty because rivers flow", "It is salty| because rivers flow"),
        ("They grew to 5, 6 and 7 meters", "They grew to 5,| 6 and 7 meters"),
    ],
)
def test_ends_of_clauses(text: str, marked: str) -> None:
    assert _marked(text, Strength.CONJUNCTION) == marked


def test_phrases() -> None:
    text = "It is half past nine in the morning"
    assert _marked(text) == "It is half past nine| in the morning"


def test_a_pronoun_stays_with_its_verb() -> None:
    assert _marked("We meet her on Monday") == "We meet her| on Monday"


def test_words() -> None:
    text = "Small shops sell the best bread"
    assert _marked(text) == "Small| shops| sell| the best| bread"


@pytest.mark.parametrize("text", ["salt 13", "nine", "nine to", "Dr.", "in 13. ", "dry unt"])
def test_no_boundary_is_seen_before_it_is_certain(text: str) -> None:
    assert boundaries(text, complete=False) == []


WORDS = "It is a 5 13. kg e.g. Dr. Smith, March 2, 2027 and to nine the `x y` sea. salt J. \n"
words = st.sampled_from(WORDS.split(" "))


@given(st.lists(words, max_size=25).map(" ".join), st.integers(0, 120))
def test_a_boundary_remains_one_when_more_text_comes(text: str, length: int) -> None:
    later = {place.end for place in boundaries(text, complete=True)}
    assert {place.end for place in boundaries(text[:length], complete=False)} <= later | {length}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Yes,", 0.64),
        ("at 9:30.", 1.05),
        ("In 1969,", 1.64),
        ("It opens at 10 a.m. and closes at 18:00.", 3.33),
        ("Yes, I think so.", 1.19),
        ("It is half past nine in the morning.", 1.73),
        ("The universe is about 13.8 billion years old.", 3.35),
        ("The meeting is on 2 March 2027 at 9:30 a.m.", 4.31),
        ("The sea is salty because rivers carry minerals into it.", 3.03),
    ],
)
def test_the_length_of_speech_is_known_to_a_fifth(text: str, seconds: float) -> None:
    assert speech_seconds(text) == pytest.approx(seconds, rel=0.2)


def test_blank_text_takes_no_time() -> None:
    assert speech_seconds(" \n") == 0
