import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.text.normalize import Speakable, speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Bold**, *soft*, ~~gone~~ and `code`.", "Bold, soft, gone and code."),
        ("# Head\n- one\n* two\n\n1. three\n- [x] four", "Head. one. two. three. four."),
        ("> quoted\n> twice", "quoted twice"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b. one, two."),
        ("above\n\n---\n\nbelow", "above below"),
        ("See [the page](https://x.org/a_b).", "See the page."),
        ("![a cat](cat.png)", "a cat"),
        ("It is at https://www.example.com/a?b=c#d.", "It is at example dot com."),
        ("Write to joe@example.org now", "Write to joe at example dot org now"),
        ("```py\nprint('x')\n```\nDone.", "Done."),
        ("<b>Hot</b> &amp; cold<br/>water", "Hot and cold water"),
        ("<think>Let me see.</think>Yes.", " Yes."),
        ("Well done 👍🏽! 🇫🇷 ❤️ 1️⃣", "Well done! one"),
        (
            "10°C, -5 °F, 50% at 80 km/h",
            "ten degrees Celsius, minus five degrees Fahrenheit, fifty percent at eighty"
            " kilometers per hour",
        ),
        ("8GB of RAM, 250 ms", "eight gigabytes of RAM, two hundred fifty milliseconds"),
        ("Fruit, e.g. figs, i.e. food", "Fruit, for example figs, that is food"),
        ("at 3:05 PM, 15:00 or 9:30am", "at three oh five PM, three PM or nine thirty AM"),
        (
            "$5.50, €1, £1.01, $1,200",
            "five dollars and fifty cents, one euro, one pound and one penny, one thousand"
            " two hundred dollars",
        ),
        ("3½ cups, ¼ more", "three and a half cups, one quarter more"),
        ("5-10 minutes, 1914–1918", "five to ten minutes, nineteen fourteen to nineteen eighteen"),
        (
            "2024-11-21 and 555-1234",
            "November twenty-first, twenty twenty-four and five five five, one two three four",
        ),
        ("x = 5 + 3 and 4 x 2", "x equals five plus three and four times two"),
        ("2 < 3 but a > b", "two is less than three but a is more than b"),
        ("snake_case and/or #1 ~20", "snake case and or number one about twenty"),
        ("home → work", "home to work"),
        ("Well—yes", "Well, yes"),
        ("", ""),
    ],
)
def test_written_text_becomes_spoken_text(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


PIECES = (
    "* ** _ ` ``` ~~~ # ## > - | |-| [a](b) https://a.bc/d <b> </b> <think> </think> &amp; &lt; 1. "
    "5 °C % $ $5 € 3:05 pm a word . , ! 🙂 ½ – — / = <= -> x e.g. @ a@b.c \\ { } km"
)
fragments = st.lists(st.sampled_from([*PIECES.split(" "), "\n", "\n\n"]), max_size=12).map(" ".join)
texts = st.text(max_size=60) | fragments | fragments.map(lambda text: text.replace(" ", ""))


@settings(max_examples=400, deadline=None)
@given(texts)
def test_no_character_without_a_sound_is_left(text: str) -> None:
    said = speakable(text)
    assert not set("*`#|~_^\\<>{}[]=@") & set(said)
    assert not {"So", "Sk", "Cs", "Co", "Cn", "Cc"} & {unicodedata.category(c) for c in said}
    assert "http" not in said or "http" in text
    assert not re.search(r"\s\s|\n", said)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_speakable_is_idempotent(text: str) -> None:
    once = speakable(text)
    assert speakable(once) == once


words = st.from_regex(r"[a-z]{3,9}('s)?", fullmatch=True)
ends = st.sampled_from([" ", ", ", "; ", ". ", "? ", "! "])


@given(st.lists(st.tuples(words, ends), min_size=1, max_size=15))
def test_plain_text_is_unchanged(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + end for word, end in parts).capitalize()
    assert speakable(text) == text


def test_code_that_spans_fragments_is_left_out() -> None:
    answer = Speakable()
    heard = [
        answer.fragment(text) for text in ("Try this: ```py", "print(1) ", "x``` Done.", "***")
    ]
    assert heard == ["Try this: ", "", " Done.", ""]


def test_thoughts_that_span_fragments_are_left_out_and_forgotten_at_reset() -> None:
    answer = Speakable()
    assert answer.fragment("<think>So, the user") == ""
    assert answer.fragment("wants tea.</think>Tea.") == "Tea."
    answer.fragment("```never closed")
    answer.reset()
    assert answer.fragment("Hello.") == "Hello."


@given(st.lists(texts, max_size=6))
def test_fragments_never_let_code_out(parts: list[str]) -> None:
    answer = Speakable()
    for part in parts:
        assert "`" not in answer.fragment(part)
