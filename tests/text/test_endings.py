"""Words tell whether an utterance goes on, in six languages and whatever mark they end with."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.endings import Ending, ending, languages
from tests.voice.turns.end_of_turn_texts import Utterance, utterances

GOES_ON = (Ending.UNFINISHED, Ending.DICTATED)
MARKS = st.sampled_from(["", ".", ",", "...", "…", "?", "!"])


def test_the_table_has_enough_of_both_kinds() -> None:
    count = Counter(one.finished for one in utterances())
    assert min(count[True], count[False]) >= 200
    assert {one.language for one in utterances()} == set(languages())


def _wrong(finished: bool, language: str) -> tuple[list[str], int]:
    """The utterances that are judged wrongly, as a recogniser that ends all with a mark has it."""
    some = [one for one in utterances() if one.finished is finished and one.language == language]
    return [one.text for one in some if (_judged(one) in GOES_ON) is finished], len(some)


def _judged(one: Utterance) -> Ending:
    return ending(one.text if one.finished else one.text.rstrip(",") + ".", one.language)


@pytest.mark.parametrize("language", languages())
def test_finished_utterances_are_not_taken_for_unfinished_ones(language: str) -> None:
    wrong, total = _wrong(finished=True, language=language)
    assert len(wrong) <= 0.02 * total, wrong


@pytest.mark.parametrize("language", languages())
def test_unfinished_utterances_are_noticed_in_spite_of_a_full_stop(language: str) -> None:
    wrong, total = _wrong(finished=False, language=language)
    assert len(wrong) <= 0.08 * total, wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Ending.UNKNOWN),
        ("...", Ending.UNKNOWN),
        ("what time is it", Ending.UNKNOWN),
        ("What time is it?", Ending.FINISHED),
        ("Find a good", Ending.UNFINISHED),
        ("Of course", Ending.UNKNOWN),
        ("555123", Ending.DICTATED),
        ("1984", Ending.UNKNOWN),
        ("What is the capital of?", Ending.UNFINISHED),
        ("Tell me what to.", Ending.UNFINISHED),
        ("How much does it?", Ending.UNFINISHED),
        ("How are you?", Ending.FINISHED),
        ("Write it with a k r.", Ending.DICTATED),
        ("I was thinking...", Ending.UNFINISHED),
        ("The front door, the", Ending.UNFINISHED),
        ("Turn it on.", Ending.FINISHED),
        ("The meeting is on.", Ending.UNFINISHED),
        ("Who is it for?", Ending.FINISHED),
        ("Set a timer for.", Ending.UNFINISHED),
        ("Is it cold? Turn on the.", Ending.UNFINISHED),
        ("If it rains tomorrow.", Ending.UNFINISHED),
        ("If it rains tomorrow, we stay.", Ending.FINISHED),
        ("When is Easter?", Ending.FINISHED),
        ("My phone number is 555-123.", Ending.DICTATED),
        ("My phone number is 555. 123.", Ending.DICTATED),
        ("My phone number is 555-123-4567.", Ending.FINISHED),
        ("Call 911.", Ending.FINISHED),
        ("Twenty.", Ending.FINISHED),
        ("My room number is 205.", Ending.FINISHED),
        ("Five five five, one two three.", Ending.DICTATED),
        ("My name is spelled S-M-I.", Ending.DICTATED),
        ("S as in sugar.", Ending.DICTATED),
        ("Add milk, eggs.", Ending.DICTATED),
        ("Add milk, eggs, and cheese.", Ending.FINISHED),
        ("Add milk, please.", Ending.FINISHED),
        ("No, thank you.", Ending.FINISHED),
        ("Put bread on there.", Ending.DOUBTFUL),
        ("There.", Ending.FINISHED),
        ("Remind me to I.", Ending.UNFINISHED),
        ("So do I.", Ending.FINISHED),
        ("How do I get to?", Ending.UNFINISHED),
        ("Who do I talk to?", Ending.FINISHED),
        ("What is the distance between?", Ending.UNFINISHED),
        ("When the film is over.", Ending.UNFINISHED),
        ("My name is spelled SMI.", Ending.DICTATED),
        ("STEP", Ending.DICTATED),
        ("Turn on the TV.", Ending.FINISHED),
        ("Dial 0800.", Ending.DICTATED),
        ("The bus is number 017.", Ending.FINISHED),
    ],
)
def test_signs_of_either(text: str, expected: Ending) -> None:
    assert ending(text) is expected


@given(st.sampled_from(utterances()), MARKS)
def test_a_sign_in_the_words_outweighs_the_mark(one: Utterance, mark: str) -> None:
    bare = one.text.rstrip(" .,?!").lower()
    if ending(bare, one.language) is Ending.DICTATED:
        assert ending(bare + mark, one.language) in GOES_ON
    elif ending(bare, one.language) is Ending.UNFINISHED and mark != "?":
        assert ending(bare + mark, one.language) is Ending.UNFINISHED


@given(st.sampled_from(utterances()))
def test_white_space_around_it_does_not_matter(one: Utterance) -> None:
    assert ending(f" {one.text} ", one.language) is ending(one.text, one.language)


@given(st.text(max_size=60), st.sampled_from([*languages(), "tr", "auto", "en-GB"]))
def test_any_text_has_an_ending(text: str, language: str) -> None:
    assert ending(text, language) in Ending


def test_a_language_without_a_table_has_its_marks() -> None:
    assert ending("Saat kaç?", "tr") is Ending.FINISHED
    assert ending("Saat,", "tr") is Ending.UNFINISHED
    assert ending("saat", "tr") is Ending.UNKNOWN
