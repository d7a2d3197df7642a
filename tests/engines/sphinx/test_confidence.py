from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.sphinx.confidence import (
    CommandVerdict,
    SearchPath,
    confidence,
    first_look,
    gap,
    longest_difference,
    transcript_confidence,
)

phones = st.lists(st.sampled_from(["AA", "T", "S", "IY", "M"]), max_size=12).map(tuple)
scores = st.floats(-5000, 0)
paths = st.builds(SearchPath, scores, st.integers(0, 500), phones)
COMMAND = ("W", "AH", "T", "T", "AY", "M", "IH", "Z", "IH", "T")


@given(phones, phones)
def test_the_longest_difference_is_at_most_all_of_both(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert 0 <= longest_difference(one, other) <= len(one) + len(other)
    assert longest_difference(one, one) == 0
    assert (longest_difference(one, other) == 0) == (one == other)
    assert longest_difference(one, ()) == len(one)


@given(phones, phones, phones)
def test_a_common_beginning_and_end_adds_no_difference(
    edge: tuple[str, ...], one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    longest = max(len(one), len(other))
    assert longest_difference(edge + one + edge, edge + other + edge) <= 2 * longest


def test_one_long_difference_counts_more_than_many_short_ones() -> None:
    expected = ("T", "EH", "L", "M", "IY", "DH", "AH", "T", "AY", "M")
    scattered = ("D", "EH", "L", "N", "IY", "D", "AH", "T", "AA", "M")
    together = ("T", "EH", "L", "M", "IY", "AH", "JH", "OW", "K")
    assert longest_difference(expected, scattered) == 1
    assert longest_difference(expected, together) == 3


@given(paths, paths, paths)
def test_confidence_is_between_0_and_1(
    grammar: SearchPath, sounds: SearchPath, words: SearchPath
) -> None:
    for value in (
        confidence(grammar, sounds),
        confidence(grammar, sounds, words),
        transcript_confidence(words, sounds),
    ):
        assert 0 <= value <= 1


@given(paths, paths)
def test_the_first_look_accepts_from_a_confidence_of_one_half(
    grammar: SearchPath, sounds: SearchPath
) -> None:
    verdict = first_look(grammar, sounds)
    assert (verdict is CommandVerdict.COMMAND) == (confidence(grammar, sounds) >= 0.5)


@given(paths, paths, paths, st.floats(0, 1000))
def test_a_worse_score_of_the_grammar_never_raises_confidence(
    grammar: SearchPath, sounds: SearchPath, words: SearchPath, worse: float
) -> None:
    down = SearchPath(grammar.score - worse, grammar.frames, grammar.phones)
    assert gap(down, sounds) >= gap(grammar, sounds)
    assert confidence(down, sounds) <= confidence(grammar, sounds)
    assert confidence(down, sounds, words) <= confidence(grammar, sounds, words)


@given(paths, phones)
def test_an_empty_grammar_path_is_no_command(sounds: SearchPath, words: tuple[str, ...]) -> None:
    nothing = SearchPath(0.0, 0, ())
    assert first_look(nothing, sounds) is CommandVerdict.OTHER
    assert confidence(nothing, sounds) == 0
    assert confidence(nothing, sounds, SearchPath(-100.0, 50, words)) == 0
    assert transcript_confidence(nothing, sounds) == 0


def test_a_path_nearly_as_good_as_the_phones_is_a_command() -> None:
    sounds = SearchPath(-300.0, 100, COMMAND)
    assert first_look(SearchPath(-310.0, 100, COMMAND), sounds) is CommandVerdict.COMMAND


def test_a_path_much_worse_than_the_phones_is_no_command() -> None:
    sounds = SearchPath(-300.0, 100, ("K", "AE", "P", "IH", "T", "AH", "L"))
    assert first_look(SearchPath(-900.0, 100, COMMAND), sounds) is CommandVerdict.OTHER


def test_the_ngrams_decide_where_the_phones_do_not() -> None:
    sounds = SearchPath(-300.0, 100, COMMAND[:5])
    grammar = SearchPath(-570.0, 100, COMMAND)
    assert first_look(grammar, sounds) is CommandVerdict.UNSURE
    agreeing = SearchPath(-750.0, 100, COMMAND)
    differing = SearchPath(-500.0, 100, (*COMMAND[:5], "D", "UW", "P", "AA", "K"))
    assert confidence(grammar, sounds, agreeing) > 0.5 > confidence(grammar, sounds, differing)
