"""An answer is cut into a short first piece and whole sentences, however it arrives."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.segment import MOST_FIRST_WORDS, MOST_WORDS, Clauses


def _pieces(*texts: str) -> list[str]:
    clauses = Clauses()
    pieces = [piece for text in texts for piece in clauses.feed(text)]
    return pieces + clauses.end()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It is noon.", ["It is noon."]),
        ("It is noon. Time to eat.", ["It is noon.", " Time to eat."]),
        (
            "At noon we eat, drink, and rest. Then on.",
            ["At noon we eat,", " drink, and rest.", " Then on."],
        ),
        ("Well, that is so. Yes.", ["Well, that is so.", " Yes."]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros.", " Fine."]),
        ("Ask Dr. Smith about it. Now.", ["Ask Dr. Smith about it.", " Now."]),
        ("Fruit, e.g. apples, is good. Yes.", ["Fruit, e.g. apples,", " is good.", " Yes."]),
        ('He said "no." Then he left.', ['He said "no."', " Then he left."]),
        ("one\ntwo\n", ["one\n", "two\n"]),
        ("你好，世界。再见。", ["你好，世界。", "再见。"]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_where_it_cuts(text: str, pieces: list[str]) -> None:
    assert _pieces(text) == pieces


def test_the_first_clause_is_ready_before_the_sentence_ends() -> None:
    clauses = Clauses()
    assert clauses.feed("When it rains") == []
    assert clauses.feed(",") == ["When it rains,"]
    assert clauses.feed(" street, and only the street, gets wet") == []


def test_an_answer_without_marks_is_cut_between_words() -> None:
    pieces = _pieces("word " * 200)
    assert len(pieces[0].split()) == MOST_FIRST_WORDS
    assert all(len(piece.split()) <= MOST_WORDS for piece in pieces)


def test_every_answer_begins_with_a_short_piece() -> None:
    clauses = Clauses()
    clauses.feed("First of all, yes. ")
    clauses.end()
    assert clauses.feed("And then, no. ")[0] == "And then,"


texts = st.text(alphabet="ab .,!?\n3—“”()", max_size=120)


@given(texts)
def test_nothing_is_lost_but_blanks(text: str) -> None:
    assert "".join("".join(_pieces(text)).split()) == "".join(text.split())


@given(texts, st.lists(st.integers(0, 120), max_size=6))
def test_no_piece_is_longer_than_a_breath(text: str, cuts: list[int]) -> None:
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    parts = [text[a:b] for a, b in pairwise(places)]
    pieces = _pieces(*parts)
    assert all(len(piece.split()) <= MOST_WORDS for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_the_longer_it_takes_the_less_of_a_boundary_it_has_to_be() -> None:
    clauses = Clauses()
    assert clauses.feed("Yes,", 0.0) == []
    assert clauses.feed(" it", 0.05) == ["Yes,"]
    clauses = Clauses()
    assert clauses.feed("It should stay dry until", 0.1) == []
    assert clauses.feed(" late", 0.2) == ["It should stay dry"]


def test_a_fast_model_is_not_cut_between_phrases() -> None:
    assert Clauses().feed("It should stay dry until late this evening", 0.1) == []


def test_only_the_first_piece_is_in_a_hurry() -> None:
    clauses = Clauses()
    clauses.feed("Yes, it is. ", 0.0)
    assert clauses.feed("It should stay dry until late", 5.0) == []


def test_an_answer_begins_with_the_opening_that_was_cut_of_it() -> None:
    clauses = Clauses("Yes,")
    assert clauses.feed("Yes, it is noon. Time to eat.") == ["Yes,", " it is noon."]
    assert Clauses("No,").feed("Yes, it is noon. Now.") == ["Yes, it is noon."]


@given(texts, st.lists(st.tuples(st.integers(0, 120), st.floats(0, 1)), max_size=6))
def test_nothing_is_lost_however_long_it_takes(text: str, cuts: list[tuple[int, float]]) -> None:
    clauses = Clauses()
    pieces: list[str] = []
    before = 0
    for place, waited in sorted(cuts):
        pieces += clauses.feed(text[before:place], waited)
        before = place
    pieces += clauses.feed(text[before:], 1.0)
    pieces += clauses.end()
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_quick_voice_may_begin_with_a_word() -> None:
    assert Clauses(quick=True).feed("Well,") == ["Well,"]


def test_a_clause_that_needs_no_comma_is_one() -> None:
    clauses = Clauses()
    assert clauses.feed("The sea is salty because rivers") == ["The sea is salty"]
    assert Clauses().feed("Stay because of me") == []
