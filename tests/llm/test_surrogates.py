"""Texts of servers are made such that they can be encoded."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.llm.surrogates import SurrogateJoiner, valid_json, valid_text

ANY_TEXT = st.text(st.characters(categories=("Cs", "L", "So")), max_size=12)


def test_halves_of_a_pair_are_joined_and_others_replaced() -> None:
    assert valid_text("a\ud83d\ude00b") == "a\U0001f600b"
    assert valid_text("a\ud83db\ude00") == "a\ufffdb\ufffd"


def test_all_texts_of_a_json_value_are_valid() -> None:
    value = {"a\ud83d": ["\ude00", 1, None, ("x",)]}
    assert valid_json(value) == {"a\ufffd": ["\ufffd", 1, None, ["x"]]}


@given(st.lists(ANY_TEXT, max_size=5))
def test_the_fragments_of_a_text_do_not_matter(fragments: list[str]) -> None:
    joiner = SurrogateJoiner()
    text = "".join([*map(joiner.feed, fragments), joiner.end()])
    text.encode()
    assert text == valid_text("".join(fragments))
