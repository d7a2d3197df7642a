"""The texts that are said, and the samples drawn of them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.bench.accuracy.canonical import canonical_words
from appliance.bench.accuracy.utterances import (
    CONDITIONS,
    KINDS,
    LANGUAGES,
    Utterance,
    load_utterances,
    sample,
)
from appliance.errors import ApplianceError


def test_the_texts_are_many_and_of_every_language_and_kind() -> None:
    utterances = load_utterances()
    assert len(utterances) >= 240
    assert {(one.language, one.kind) for one in utterances} == {
        (language, kind) for language in LANGUAGES for kind in KINDS
    }
    assert len({one.text for one in utterances if one.language == "en"}) == sum(
        one.language == "en" for one in utterances
    )


def test_an_utterance_has_one_to_25_words() -> None:
    for utterance in load_utterances():
        assert 1 <= len(utterance.text.split()) <= 25, utterance.text
        assert canonical_words(utterance.text, utterance.language), utterance.text
        assert all(utterance.spoken_parts())


def test_only_the_end_of_a_finished_sentence_sounds_like_one() -> None:
    digits = Utterance("en", "digits", ("The code is one two,", "three", "four."))
    assert digits.spoken_parts() == ("The code is one two,", "three,", "four.")
    assert digits.text == "The code is one two, three four."
    cut = Utterance("en", "cut_off", ("Could you turn on the …",))
    assert (cut.text, cut.spoken_parts()) == ("Could you turn on the", ("Could you turn on the,",))
    assert digits.is_finished
    assert not cut.is_finished


def test_a_sample_has_something_of_everything() -> None:
    trials = sample(load_utterances(), CONDITIONS, 72, seed=3)
    assert {trial.utterance.language for trial in trials} == set(LANGUAGES)
    assert {trial.utterance.kind for trial in trials} == set(KINDS)
    assert set(Counter(trial.condition for trial in trials).values()) == {9}


def test_a_sample_without_texts_is_an_error() -> None:
    with pytest.raises(ApplianceError, match="no text"):
        sample([], CONDITIONS, 5, seed=1)


@given(st.integers(0, 900), st.integers(0, 50))
def test_the_same_seed_draws_the_same_sample(count: int, seed: int) -> None:
    utterances = load_utterances(["es", "fr"])
    trials = sample(utterances, CONDITIONS, count, seed)
    assert len(trials) == count
    assert trials == sample(utterances, CONDITIONS, count, seed)
    said = Counter(trial.utterance for trial in trials)
    # Nothing is said twice before everything has been said once.
    assert max(said.values(), default=0) - min((said[one] for one in utterances), default=0) <= 1
