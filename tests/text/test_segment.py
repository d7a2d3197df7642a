"""Code is told from prose, which alone is spoken; what is read as one is never torn."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.text.normalize import speakable
from appliance.text.pieces import SpeechCost
from appliance.text.segment import AnswerSegmenter, CodeFenceSplitter
from tests.text.spoken.rows import LANGUAGES, rows


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


def test_the_prose_around_code_is_spoken() -> None:
    segmenter = AnswerSegmenter()
    segments = segmenter.feed("Here it is: ```x = 1``` That is all of it. ", 0.0)
    segments += segmenter.end(0.0)
    spoken = "".join(text for text, is_spoken in segments if is_spoken)
    shown = "".join(text for text, is_spoken in segments if not is_spoken)
    assert " ".join(spoken.split()) == "Here it is: That is all of it."
    assert shown == "```x = 1```"


def _pieces(text: str, cost: SpeechCost, size: int) -> list[str]:
    """The pieces of an answer that arrives in deltas of `size` characters, five a second."""
    segmenter, now, segments = AnswerSegmenter(cost), 0.0, []
    for begin in range(0, len(text), size):
        now += 0.2
        segments += segmenter.feed(text[begin : begin + size], now)
    segments += segmenter.end(now)
    return [segment.text.strip() for segment in segments if segment.spoken]


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\s.,]+", text))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [1, 4, 9])
@pytest.mark.parametrize("cost", [SpeechCost(), SpeechCost(0.05, 0.1), SpeechCost(streams=True)])
def test_an_answer_in_deltas_is_read_as_it_is_at_once(
    language: str, size: int, cost: SpeechCost
) -> None:
    torn = []
    for written, spoken in rows(language):
        pieces = _pieces(f"Well, listen. {written} And so on, my dear.", cost, size)
        if _words(spoken) not in _words(" ".join(speakable(each, language) for each in pieces)):
            torn.append(pieces)
    assert torn == []


@pytest.mark.parametrize(
    "deltas",
    [
        ("It is 13", ". ", "8 billion", " years old."),
        ("It is 13.", " 8 billion years old."),
        ("It is ", "13.", "8", " billion years old."),
    ],
)
def test_a_number_that_arrives_torn_is_one_number(deltas: tuple[str, ...]) -> None:
    segmenter = AnswerSegmenter()
    segments = [part for delta in deltas for part in segmenter.feed(delta, 0.0)]
    segments += segmenter.end(0.0)
    said = " ".join(speakable(segment.text.strip()) for segment in segments)
    assert said == "It is thirteen point eight billion years old."


def test_an_answer_without_a_full_stop_is_spoken_when_it_ends() -> None:
    segmenter = AnswerSegmenter()
    assert segmenter.feed("Yes, of course", 0.0) == []
    assert [segment.text for segment in segmenter.end(0.0)] == ["Yes, of course"]
