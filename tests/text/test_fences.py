"""Code is told from speech, however the text arrives."""

from hypothesis import example, given
from hypothesis import strategies as st

from appliance.text.fences import CodeFences


def _split(pieces: list[str]) -> tuple[str, str]:
    fences = CodeFences()
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
    fences = CodeFences()
    fences.feed("```x = 1")
    fences.end()
    assert fences.feed("hello") == [("hello", False)]


texts = st.lists(st.text(alphabet="ab `\n", max_size=12), max_size=10)


@given(texts)
@example(["````", "```"])
def test_nothing_is_lost_and_pieces_do_not_matter(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert _split(pieces) == _split([whole])
    spoken, code = _split(pieces)
    assert len(spoken) + len(code) == len(whole)
