"""Words in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.bench.accuracy.canonical import canonical_words


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "Twenty-five.", "25"),
        ("en", "My number is five five five, one two three.", "my number is 555-123"),
        ("en", "one thousand two hundred and thirty dollars", "$1,230"),
        ("en", "sixty eight point five kilograms", "68.5 kilograms"),
        ("en", "the twenty second of October", "the 22nd of October"),
        ("en", "fifteen percent", "15%"),
        ("en", "I would like, um, a table.", "I would like a table"),
        ("en", "Doctor Hughes at seven p.m.", "Dr. Hughes at 7 PM"),
        ("en", "It’s here", "it's here"),
        ("es", "mil doscientos euros", "1.200 €"),
        ("es", "seis uno dos", "612"),
        ("fr", "Est-ce qu'il pleut ?", "Est ce qu il pleut"),
        ("fr", "dix-sept fois vingt-quatre", "17 × 24"),
        ("it", "milleduecento euro", "1.200 euro"),
        ("pt", "dezessete vezes vinte e quatro", "17 vezes 24"),
        ("de", "tausendzweihundert Euro", "1.200 €"),
        ("de", "Auf dem Platz waren dreihundert Menschen", "auf dem Platz waren 300 Menschen"),
    ],
)
def test_the_same_words_are_the_same_however_they_are_written(
    language: str, one: str, other: str
) -> None:
    assert canonical_words(one, language) == canonical_words(other, language)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "fifteen", "fifty"),
        ("en", "the left side", "the right side"),
        ("es", "qué", "quién"),
    ],
)
def test_other_words_differ(language: str, one: str, other: str) -> None:
    assert canonical_words(one, language) != canonical_words(other, language)


def test_every_digit_is_a_word() -> None:
    assert canonical_words("two hundred and ten apples", "en") == ["2", "1", "0", "apples"]


def test_a_language_without_numbers_keeps_its_words() -> None:
    assert canonical_words("Bat eta bi", "eu") == ["bat", "eta", "bi"]


@given(st.integers(0, 2000))
def test_a_number_is_its_digits(number: int) -> None:
    from num2words import num2words

    assert canonical_words(str(num2words(number)), "en") == list(str(number))


@given(st.text(max_size=40), st.sampled_from(["en", "es", "fr", "it", "pt", "de", "xx"]))
def test_any_text_has_words(text: str, language: str) -> None:
    assert all(word and word == word.lower() for word in canonical_words(text, language))
