"""Texts of others on one line, with nothing in them that changes how the rest is read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.conversation import in_one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("harmless \u202egpj.exe\u202c", r"harmless \u202egpj.exe\u202c"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("\u202a\u202b\u202d", r"\u202a\u202b\u202d"),
        ("שלום\u200f!", "שלום\u200f!"),
        (" two\r\n\twords ", "two words"),
    ],
)
def test_what_turns_the_direction_of_a_text_is_shown_as_what_it_is(text: str, shown: str) -> None:
    assert in_one_line(text) == shown


@given(st.text())
def test_no_text_turns_what_stands_around_it(text: str) -> None:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    line = in_one_line(text)
    assert not any(unicodedata.bidirectional(sign) in turning for sign in line)
    assert "\n" not in line
