"""The pause that ends a turn follows from the voice and the words together."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.text.endings import Ending
from appliance.voice.turns.end_of_turn import (
    CERTAIN,
    PROBABLE,
    PROBABLE_SECONDS,
    UNCERTAIN_SECONDS,
    TurnEvidence,
    TurnLimits,
    pause_seconds,
)
from tests.voice.turns.end_of_turn_report import (
    EVIDENCE,
    FRESH_EVIDENCE,
    LATE_SECONDS,
    STOP_SECONDS,
    errors,
    kept_evidence,
    report,
    waited,
    waited_by_stock,
    waited_by_voice,
)

LIMITS = TurnLimits(0.2, 1.5)
PROBABILITIES = st.lists(st.floats(0, 1), max_size=6).map(tuple)
EVIDENCES = st.builds(TurnEvidence, PROBABILITIES, st.sampled_from(Ending), st.booleans())
LIMITS_OF_ANY_SIZE = st.tuples(st.floats(0.1, 3), st.floats(0, 10)).map(
    lambda pair: TurnLimits(pair[0], pair[0] + pair[1])
)


@given(EVIDENCES, LIMITS_OF_ANY_SIZE)
def test_a_pause_is_within_its_limits(evidence: TurnEvidence, limits: TurnLimits) -> None:
    assert limits.shortest <= pause_seconds(evidence, limits) <= limits.longest


@given(EVIDENCES, st.floats(0, 1), LIMITS_OF_ANY_SIZE)
def test_another_verdict_never_makes_the_pause_longer(
    evidence: TurnEvidence, probability: float, limits: TurnLimits
) -> None:
    """However the model wavers while a silence goes on."""
    more = TurnEvidence(
        (*evidence.probabilities, probability), evidence.ending, evidence.is_command
    )
    assert pause_seconds(more, limits) <= pause_seconds(evidence, limits)


@given(PROBABILITIES, LIMITS_OF_ANY_SIZE)
def test_the_more_speaks_for_a_continuation_the_longer_the_pause(
    probabilities: tuple[float, ...], limits: TurnLimits
) -> None:
    order = (Ending.FINISHED, Ending.DOUBTFUL, Ending.UNFINISHED, Ending.DICTATED)
    pauses = [pause_seconds(TurnEvidence(probabilities, each), limits) for each in order]
    assert pauses == sorted(pauses)


@given(PROBABILITIES, st.sampled_from(Ending))
def test_a_command_waits_for_nothing(probabilities: tuple[float, ...], words: Ending) -> None:
    assert pause_seconds(TurnEvidence(probabilities, words, True), LIMITS) == LIMITS.shortest


@given(PROBABILITIES)
def test_nothing_waits_where_voice_and_words_agree(probabilities: tuple[float, ...]) -> None:
    agreed = TurnEvidence((*probabilities, CERTAIN + 0.01), Ending.FINISHED)
    assert pause_seconds(agreed, LIMITS) == LIMITS.shortest


@pytest.mark.parametrize(
    ("probability", "words"),
    [(PROBABLE, Ending.FINISHED), (CERTAIN + 0.01, Ending.DOUBTFUL), (CERTAIN, Ending.UNKNOWN)],
)
def test_an_end_that_is_not_certain_waits_no_longer_than_is_felt(
    probability: float, words: Ending
) -> None:
    pause = pause_seconds(TurnEvidence((probability,), words), LIMITS)
    assert LIMITS.shortest < pause == UNCERTAIN_SECONDS < LATE_SECONDS


def test_the_more_certain_the_voice_the_shorter_the_pause() -> None:
    known = (PROBABLE, PROBABLE + 0.01, CERTAIN + 0.01)
    pauses = [pause_seconds(TurnEvidence((each,), Ending.FINISHED), LIMITS) for each in known]
    assert pauses == [UNCERTAIN_SECONDS, PROBABLE_SECONDS, LIMITS.shortest]


def test_a_pause_within_a_number_does_not_end_it_however_it_sounds() -> None:
    assert pause_seconds(TurnEvidence((0.99,) * 6, Ending.DICTATED), LIMITS) == LIMITS.longest


def test_words_without_a_mark_leave_it_to_the_voice() -> None:
    assert pause_seconds(TurnEvidence((0.97,)), LIMITS) == LIMITS.shortest
    assert pause_seconds(TurnEvidence((0.1, 0.4)), LIMITS) == LIMITS.longest


def test_on_spoken_utterances_few_finished_ones_wait_and_few_others_are_cut_off() -> None:
    rows = kept_evidence()
    ours, stock, voice = (errors(rows, each) for each in (waited, waited_by_stock, waited_by_voice))
    lines = "\n".join(report(rows))
    finished = sum(one.finished for one in rows)
    assert min(finished, len(rows) - finished) >= 200
    assert ours.late <= 0.02, lines
    assert ours.late < 0.5 * min(stock.late, voice.late), lines
    # Kokoro speaks a "the" or an "um" at the end as another word, and Whisper hears that word.
    assert ours.cut < 0.3 * min(stock.cut, voice.cut), lines


def test_on_utterances_by_which_nothing_was_made_both_errors_are_far_below_stocks() -> None:
    rows = kept_evidence(FRESH_EVIDENCE)[1::2]
    ours, stock = errors(rows, waited), errors(rows, waited_by_stock)
    lines = "\n".join(report(rows))
    assert ours.late < 0.5 * stock.late, lines
    assert ours.cut < 0.3 * stock.cut, lines


def test_half_of_the_finished_utterances_wait_for_nothing() -> None:
    for evidence in EVIDENCE, FRESH_EVIDENCE:
        waits = [waited(one) for one in kept_evidence(evidence) if one.finished]
        assert median(waits) == STOP_SECONDS


def test_no_pause_is_shorter_than_the_end_of_speech() -> None:
    assert min(waited(one) for one in kept_evidence()) >= STOP_SECONDS
