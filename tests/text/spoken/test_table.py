"""What is written and what is said: a table for each language, and what holds for any text."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.text.normalize import speakable, without_markup
from appliance.text.spoken.english import WORDS
from appliance.text.spoken.verbalize import language_of
from tests.text.spoken.rows import LANGUAGES, rows

ROWS = [(language, *row) for language in LANGUAGES for row in rows(language)]


@pytest.mark.parametrize(("language", "written", "spoken"), ROWS)
def test_what_a_person_would_say(language: str, written: str, spoken: str) -> None:
    assert speakable(written, language) == spoken


@pytest.mark.parametrize(("language", "written", "spoken"), ROWS)
def test_what_is_in_words_stays(language: str, written: str, spoken: str) -> None:
    assert speakable(spoken, language) == spoken


@pytest.mark.parametrize(("language", "written", "spoken"), ROWS)
def test_markup_may_be_left_out_before_the_language_is_known(
    language: str, written: str, spoken: str
) -> None:
    assert speakable(without_markup(written), language) == spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words(language: str) -> None:
    found = language_of(language)
    assert found is not None
    assert set(found.words) == set(WORDS)
    assert len(found.months) == 12
    assert set(range(2, 11)) <= set(found.fractions)


def test_the_tables_are_long_enough() -> None:
    for language in LANGUAGES:
        assert len(list(rows(language))) >= (150 if language == "en" else 60), language


@pytest.mark.parametrize(
    ("code", "written", "spoken"),
    [
        ("pt-br", "5 km", "cinco quilômetros"),
        ("en-gb", "5 km", "five kilometers"),
        ("nl", "**5 km** is 3 °C en €5", "5 km is 3 °C en €5"),
        ("ru", "Привет, 5 км", "Привет, 5 км"),
        ("pl", "Привет to dzień", "Privet to dzień"),
        ("zh", "你好，5", "你好，5"),
        ("auto", "5 km", "5 km"),
    ],
)
def test_regions_and_languages_without_rules(code: str, written: str, spoken: str) -> None:
    assert speakable(written, code) == spoken


PIECES = [
    "5",
    "1",
    "2",
    "0",
    "12",
    "007",
    "1.5",
    "3,50",
    "1,234",
    "1.234.567",
    "$",
    "€",
    "£",
    "¥",
    "¢",
    "R$",
    "%",
    "°",
    "°C",
    "km",
    "m",
    "in",
    "ft",
    "l",
    "h",
    "s",
    "min",
    "M",
    "B",
    "k",
    "Mio.",
    "million",
    "Millionen",
    "-",
    "–",
    "—",
    "/",
    ":",
    ".",
    ",",
    "'",
    "st",
    "nd",
    "th",
    "er",
    "º",
    "ª",
    "192.168.1.1",
    "v2",
    "2026-11-29",
    "T13:05:00Z",
    "11/29/2026",
    "29.11.2026",
    "3:05",
    "pm",
    "15h30",
    "00:05",
    "555-1234",
    "+49",
    "0x1F",
    "Henry",
    "IV",
    "World",
    "War",
    "II",
    "XIV",
    "siècle",
    "siglo",
    "No.",
    "Nr.",
    "St.",
    "Dr.",
    "Jan.",
    "May",
    "5.",
    "Mai",
    "√",
    "≤",
    "≈",
    "^",
    "²",
    "⁶",
    "₂",
    "CO",
    "H",
    "C#",
    "½",
    "1/2",
    "24/7",
    "+",
    "=",
    "<",
    ">",
    "->",
    "π",
    "你好",
    "Привет",
    "مرحبا",
    "שלום",
    "γειά",
    "こんにちは",
    "a",
    "Tasse",
    "hora",
    "horas",
    "*",
]
fragments = st.lists(st.sampled_from([*PIECES, "\n"]), max_size=10)
texts = st.one_of(
    fragments.map(" ".join), fragments.map("".join), st.text(max_size=60),
    st.text("0123456789.,:/-+ $€%", max_size=30),
)  # fmt: skip
languages = st.sampled_from(LANGUAGES)


@settings(max_examples=600, deadline=None)
@given(texts, languages)
def test_any_text_is_said_without_digits_or_signs(text: str, language: str) -> None:
    said = speakable(text, language)
    assert not any(map(str.isdigit, said))
    assert not set("$€£¥°^=#") & set(said)
    assert not {"So", "Sk", "Sm", "Sc"} & {
        unicodedata.category(each) for each in said.replace("+", "")
    }


@settings(max_examples=400, deadline=None)
@given(texts, languages)
def test_saying_twice_is_saying_once(text: str, language: str) -> None:
    once = speakable(text, language)
    assert speakable(once, language) == once


words = st.from_regex(r"[a-z]{3,9}", fullmatch=True)


@given(st.lists(words, min_size=1, max_size=15), languages)
def test_plain_words_are_unchanged(parts: list[str], language: str) -> None:
    text = " ".join(parts).capitalize() + "."
    assert speakable(text, language) == text


@given(st.integers(0, 999_999), languages)
def test_an_amount_keeps_its_number(value: int, language: str) -> None:
    """However the thousands are grouped, the same number is heard."""
    mark = "." if language != "en" else ","
    grouped = f"{value:,}".replace(",", mark)
    assert speakable(f"({grouped} km)", language) == speakable(f"({value} km)", language)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 99), st.integers(1, 9))
def test_a_number_torn_by_a_stream_is_joined(whole: int, part: int) -> None:
    assert speakable(f"{whole}. {part} billion years") == speakable(f"{whole}.{part} billion years")


@pytest.mark.alone
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "piece", ["5 ", "1,", "9.", "a1", "*", "St. ", "IV ", "1/", "3-", "€", "привет"]
)
def test_time_grows_with_the_length(language: str, piece: str) -> None:
    speakable("warm 1 up", language)
    seconds = []
    for count in (300, 3000):
        begin = time.process_time()
        speakable(piece * count, language)
        seconds.append(time.process_time() - begin)
    assert seconds[1] < 30 * max(seconds[0], 0.003)
