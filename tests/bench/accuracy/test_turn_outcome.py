"""What a server did with one utterance."""

from dataclasses import dataclass

import pytest

from appliance.bench.accuracy.turn_outcome import Heard, TurnOutcome, turn_outcome


@dataclass(frozen=True)
class Speech:
    """From 0.6 to 3 s, with a pause from 1 to 1.7 s."""

    text: str = "one two"
    begin: float = 0.6
    end: float = 3.0
    pauses: tuple[tuple[float, float], ...] = ((1.0, 1.7),)


@pytest.mark.parametrize(
    ("starts", "stops", "outcome"),
    [
        ((0.7,), (3.3,), TurnOutcome(0, 0, 0.3, 0)),
        ((0.7,), (2.95,), TurnOutcome(0, 0, 0.0, 0)),
        ((0.7, 1.8), (1.3, 3.3), TurnOutcome(1, 0, 0.3, 0)),
        ((0.7, 1.9), (1.9, 3.3), TurnOutcome(1, 0, 0.3, 0)),
        ((0.7, 2.6), (2.5, 3.4), TurnOutcome(0, 1, 0.4, 0)),
        ((0.2, 0.7), (0.4, 3.3), TurnOutcome(0, 1, 0.3, 1)),
        ((0.7, 4.0), (3.3, 4.5), TurnOutcome(0, 0, 0.3, 1)),
        ((0.7,), (1.3,), TurnOutcome(1, 0, None, 0)),
        ((), (), TurnOutcome(0, 0, None, 0)),
    ],
)
def test_turns_against_the_times_of_speech(
    starts: tuple[float, ...], stops: tuple[float, ...], outcome: TurnOutcome
) -> None:
    found = turn_outcome(Speech(), Heard("", starts, stops))
    assert found.wait == (None if outcome.wait is None else pytest.approx(outcome.wait))
    assert (found.cut_pauses, found.cut_inside, found.false_starts) == (
        *(outcome.cut_pauses, outcome.cut_inside),
        outcome.false_starts,
    )
    assert found.is_cut_off == (found.cut_pauses + found.cut_inside > 0)


def test_without_speech_every_turn_is_a_false_one() -> None:
    found = turn_outcome(Speech(text="", pauses=()), Heard("you", (1.0, 2.0), (1.5, 2.5)))
    assert found.false_starts == 2
    assert not found.is_cut_off


@pytest.mark.parametrize(("wait", "long"), [(None, True), (0.61, True), (0.6, False), (0.0, False)])
def test_a_long_wait(wait: float | None, long: bool) -> None:
    assert TurnOutcome(0, 0, wait, 0).waited_long is long
