"""An answer that is held goes on where it was, and its words with it."""

from dataclasses import dataclass

from pipecat.clocks.base_clock import BaseClock

from appliance.voice.output import AnswerClock

SECOND = 1_000_000_000


@dataclass
class Hands(BaseClock):
    """A clock that is moved by hand."""

    now: int = 0

    def get_time(self) -> int:
        return self.now

    def start(self) -> None:
        raise AssertionError("the pipeline starts its own clock")


def test_the_clock_of_words_stands_while_the_answer_is_held() -> None:
    hands = Hands(5 * SECOND)
    clock = AnswerClock(hands)
    clock.stop()
    hands.now += 2 * SECOND
    assert clock.get_time() == 5 * SECOND
    clock.go_on(0.0)
    assert clock.get_time() == 5 * SECOND
    hands.now += SECOND
    assert clock.get_time() == 6 * SECOND


def test_what_is_played_again_is_heard_once() -> None:
    hands = Hands(5 * SECOND)
    clock = AnswerClock(hands)
    clock.stop()
    clock.go_on(0.25)
    assert clock.get_time() == 5 * SECOND - SECOND // 4


def test_held_twice_it_is_behind_by_both() -> None:
    hands = Hands(0)
    clock = AnswerClock(hands)
    for _ in range(2):
        clock.stop()
        hands.now += SECOND
        clock.go_on(0.5)
    assert clock.get_time() == -SECOND


def test_the_next_answer_has_the_right_time() -> None:
    hands = Hands(5 * SECOND)
    clock = AnswerClock(hands)
    clock.stop()
    hands.now += SECOND
    clock.go_on(0.5)
    clock.catch_up()
    assert clock.get_time() == hands.now
