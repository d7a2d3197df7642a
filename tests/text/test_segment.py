"""Code is told from prose, which alone is spoken."""

from hypothesis import example, given
from hypothesis import strategies as st

from appliance.text.segment import AnswerSegmenter, CodeFenceSplitter


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
