"""Clauses of eSpeak as sentences of phonemes, and those as numbers."""

import pytest

from appliance.engines.espeak.library import Clause, Delivery, espeak_library
from appliance.engines.piper.phonemes import phoneme_ids, sentences

IDS = {
    "_": (0,),
    "^": (1,),
    "$": (2,),
    " ": (3,),
    ".": (10,),
    "a": (14,),
    "ˈ": (120,),
    "b": (15, 16),
}


def pronounced(text: str, voice: str = "en-us") -> list[str]:
    return list(sentences(espeak_library().clauses(text, voice)))


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Wait.", ["wˈeɪt."]),
        ("no mark", ["nˈoʊ mˈɑːɹk"]),
        ("Hello, world. Are you?", ["həlˈoʊ, wˈɜːld.", "ɑːɹ juː?"]),
        ("Half past nine; it is: “No.”", ["hˈæf pˈæst nˈaɪn; ɪɾ ˈɪz: nˈoʊ."]),
        ('"Stop!" she said', ["stˈɑːp!", "ʃiː sˈɛd"]),
        ("3.5 at 10:30, (really)", ["θɹˈiː pɔɪnt fˈaɪv æt tˈɛn θˈɜːɾi, ɹˈiəli"]),
        ("well — yes", ["wˈɛl; jˈɛs"]),
        ("One\n\nTwo", ["wˌʌn", "tˈuː"]),
    ],
)
def test_punctuation_stays_where_a_clause_ends(text: str, phonemes: list[str]) -> None:
    assert pronounced(text) == phonemes


@pytest.mark.parametrize("text", ["", "  ", "…", "?!", "\n"])
def test_a_text_without_words_has_no_sentence(text: str) -> None:
    assert pronounced(text) == []


def test_a_letter_with_a_mark_is_decomposed() -> None:
    assert list(sentences([Clause("ç", "")])) == ["c\u0327"]


def test_marks_of_a_change_of_language_are_left_out() -> None:
    assert list(sentences([Clause("a (fr)b(en) a", ".")])) == ["a b a."]


def test_a_long_sentence_is_cut_between_clauses() -> None:
    parts = list(sentences([Clause("ab " * 50, ",")] * 5))
    assert [part.count("a") for part in parts] == [100, 100, 50]
    assert all(part.endswith(",") for part in parts)


def test_a_long_clause_is_cut_between_words() -> None:
    parts = list(sentences([Clause("ab " * 400, ".")]))
    assert [part.count("a") for part in parts] == [83, 83, 83, 83, 68]
    assert parts[-1].endswith("ab .")


def test_every_number_is_followed_by_the_pad() -> None:
    assert phoneme_ids("ab.", IDS) == [1, 0, 14, 0, 15, 16, 0, 10, 0, 2]


def test_phonemes_that_the_voice_lacks_are_left_out() -> None:
    assert phoneme_ids("axˈ", IDS) == [1, 0, 14, 0, 120, 0, 2]


def test_speech_that_was_cut_short_leaves_nothing_in_the_next_text() -> None:
    espeak = espeak_library()
    voice = espeak.voices()["en-us"]
    espeak.speak("Hello. How are you?", voice, Delivery(), lambda _samples: False)
    assert pronounced("Yes.") == ["jˈɛs."]
