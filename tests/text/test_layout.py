"""What was heard of an answer is kept as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.text.layout import with_layout

TABLE = "The oceans:\n\n| name | km |\n| --- | --- |\n| Pacific | 168 |\n"
CODE = "Like this:\n```py\nif x:\n    print('hi')\n```\nTry it."


def test_lines_come_back_as_far_as_it_was_heard() -> None:
    assert with_layout("The oceans: | name | km | | --- | --- | | Pacific", TABLE) == (
        "The oceans:\n\n| name | km |\n| --- | --- |\n| Pacific"
    )
    assert with_layout("Like this: ```py if x: print('hi') ``` Try it.", CODE) == CODE


def test_a_later_part_of_an_answer_is_found() -> None:
    assert with_layout("Try it.", CODE) == "Try it."


def test_other_words_stay_as_they_were_heard() -> None:
    assert with_layout("Something else.", TABLE) == "Something else."
    assert with_layout("", TABLE) == ""
    assert with_layout("Sorry.", "") == "Sorry."


@given(st.text(), st.text())
def test_no_word_is_added_or_lost(heard: str, written: str) -> None:
    assert "".join(with_layout(heard, written).split()) == "".join(heard.split())
