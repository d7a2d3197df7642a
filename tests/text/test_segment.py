"""An answer is cut into a short first piece and whole sentences; code is told from prose."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.text.segment import (
    MOST_FIRST_WORDS,
    MOST_WORDS,
    ClauseSegmenter,
    CodeFenceSplitter,
)


def _pieces(*texts: str) -> list[str]:
    clauses = ClauseSegmenter()
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
def test_boundaries_of_pieces(text: str, pieces: list[str]) -> None:
    assert _pieces(text) == pieces


def test_the_first_clause_is_ready_before_the_sentence_ends() -> None:
    clauses = ClauseSegmenter()
    assert clauses.feed("When it rains") == []
    assert clauses.feed(",") == ["When it rains,"]
    assert clauses.feed(" street, and only the street, gets wet") == []


def test_an_answer_without_punctuation_is_cut_between_words() -> None:
    pieces = _pieces("word " * 200)
    assert len(pieces[0].split()) == MOST_FIRST_WORDS
    assert all(len(piece.split()) <= MOST_WORDS for piece in pieces)


def test_every_answer_begins_with_a_short_piece() -> None:
    clauses = ClauseSegmenter()
    clauses.feed("First of all, yes. ")
    clauses.end()
    assert clauses.feed("And then, no. ")[0] == "And then,"


texts = st.text(alphabet="ab .,!?\n3—“”()", max_size=120)


@given(texts)
def test_only_white_space_is_lost(text: str) -> None:
    assert "".join("".join(_pieces(text)).split()) == "".join(text.split())


@given(texts, st.lists(st.integers(0, 120), max_size=6))
def test_no_piece_is_longer_than_a_breath(text: str, cuts: list[int]) -> None:
    places = sorted({0, *(cut for cut in cuts if cut < len(text)), len(text)})
    parts = [text[a:b] for a, b in pairwise(places)]
    pieces = _pieces(*parts)
    assert all(len(piece.split()) <= MOST_WORDS for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_longer_wait_accepts_a_weaker_boundary() -> None:
    clauses = ClauseSegmenter()
    assert clauses.feed("Yes,", 0.0) == []
    assert clauses.feed(" it", 0.05) == ["Yes,"]
    clauses = ClauseSegmenter()
    assert clauses.feed("It should stay dry until", 0.1) == []
    assert clauses.feed(" late", 0.2) == ["It should stay dry"]


def test_a_fast_model_is_not_cut_between_phrases() -> None:
    assert ClauseSegmenter().feed("It should stay dry until late this evening", 0.1) == []


def test_a_long_wait_does_not_cut_later_pieces_short() -> None:
    clauses = ClauseSegmenter()
    clauses.feed("Yes, it is. ", 0.0)
    assert clauses.feed("It should stay dry until late", 5.0) == []


def test_an_answer_begins_with_the_opening_cut_before() -> None:
    clauses = ClauseSegmenter("Yes,")
    assert clauses.feed("Yes, it is noon. Time to eat.") == ["Yes,", " it is noon."]
    assert ClauseSegmenter("No,").feed("Yes, it is noon. Now.") == ["Yes, it is noon."]


@given(texts, st.lists(st.tuples(st.integers(0, 120), st.floats(0, 1)), max_size=6))
def test_only_white_space_is_lost_however_long_it_takes(
    text: str, cuts: list[tuple[int, float]]
) -> None:
    clauses = ClauseSegmenter()
    pieces: list[str] = []
    before = 0
    for place, waited in sorted(cuts):
        pieces += clauses.feed(text[before:place], waited)
        before = place
    pieces += clauses.feed(text[before:], 1.0)
    pieces += clauses.end()
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_quick_voice_may_begin_with_one_word() -> None:
    assert ClauseSegmenter(quick=True).feed("Well,") == ["Well,"]


def test_a_conjunction_begins_a_clause_without_a_comma() -> None:
    clauses = ClauseSegmenter()
    assert clauses.feed("The sea is salty because rivers") == ["The sea is salty"]
    assert ClauseSegmenter().feed("Stay because of me") == []


def _split(pieces: list[str]) -> tuple[str, str]:
    fences = CodeFenceSplitter()
    parts = [part for piece in pieces for part in fences.feed(piece)] + fences.end()
    spoken = "".join(text for text, is_code in parts if not is_code)
    code = "".join(text for text, is_code in parts if is_code)
    return spoken, code


def test_a_block_of_code_is_not_spoken() -> None:
    assert _split(["Here: ```py\nx = 1\n``` done."]) == ("Here:  done.", "```py\nx = 1\n```")


def test_a_fence_may_arrive_in_pieces() -> None:
    assert _split(["a `", "`", "` code `", "`` b"]) == ("a  b", "``` code ```")


def test_single_backticks_are_speech() -> None:
    assert _split(["use `ls", "` now"]) == ("use `ls` now", "")


def test_an_unclosed_block_ends_with_the_answer() -> None:
    fences = CodeFenceSplitter()
    fences.feed("```x = 1")
    fences.end()
    assert fences.feed("hello") == [("hello", False)]


fragments = st.lists(st.text(alphabet="ab `\n", max_size=12), max_size=10)


@given(fragments)
@example(["````", "```"])
def test_splitting_code_loses_nothing_and_does_not_depend_on_the_fragments(
    pieces: list[str],
) -> None:
    whole = "".join(pieces)
    assert _split(pieces) == _split([whole])
    spoken, code = _split(pieces)
    assert len(spoken) + len(code) == len(whole)
