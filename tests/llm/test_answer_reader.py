"""The limits of an answer: its first word, its gaps, its length; the clock is the test's."""

from collections.abc import AsyncIterator

import pytest

from appliance.llm.answer_events import AnswerEvent, AnswerWords, End, Ended, ModelCall
from appliance.llm.answer_reader import AnswerLimits, AnswerReader, NoWordInTime
from appliance.llm.normaliser import AnswerNormaliser
from appliance.llm.server_events import BadStream
from appliance.llm.turn_budget import TurnBudget
from tests.llm.stream_shapes import chunk, deltas, said, sse

LIMITS = AnswerLimits(gap_seconds=5.0, seconds=60.0, tokens=100)


async def read(*steps: tuple[float, bytes], limits: AnswerLimits = LIMITS) -> list[AnswerEvent]:
    """The events of bytes of which each come so many seconds after those before."""
    now = [0.0]

    async def body() -> AsyncIterator[bytes]:
        for seconds, data in steps:
            now[0] += seconds
            yield data

    reader = AnswerReader(body(), AnswerNormaliser(), limits, 8.0, lambda: now[0])
    return [event async for event in reader]


def words(*texts: str) -> bytes:
    return sse(*(chunk({"content": text}) for text in texts), done=False)


THOUGHT = sse(chunk({"reasoning": "Hm."}), done=False)


async def test_an_answer_in_time() -> None:
    events = await read((7.0, words("It is ")), (4.0, words("noon.")), (4.0, deltas()))
    assert events == [AnswerWords("It is "), AnswerWords("noon."), Ended(End.STOP)]


async def test_a_thought_is_no_word() -> None:
    with pytest.raises(NoWordInTime):
        await read(*[(1.0, THOUGHT)] * 12)


async def test_a_gap_between_words_that_thoughts_fill() -> None:
    with pytest.raises(TimeoutError):
        await read((1.0, words("It ")), *[(1.0, THOUGHT)] * 9)


async def test_an_answer_that_lasts_too_long_ends() -> None:
    events = await read(*[(4.0, words("on and on "))] * 30)
    assert events[-1] == Ended(End.TOO_LONG)
    assert events.count(AnswerWords("on and on ")) == 14


async def test_an_answer_that_is_too_long_ends() -> None:
    events = await read(*[(0.0, words("on and on "))] * 100)
    assert events[-1] == Ended(End.TOO_LONG)
    assert sum(len(event.text) for event in events if isinstance(event, AnswerWords)) == 400


async def test_an_empty_answer_is_none() -> None:
    with pytest.raises(BadStream):
        await read((0.0, b": nothing\n\n"))


async def test_what_follows_the_end_is_not_waited_for() -> None:
    assert (await read((0.0, said("Noon.")), (100.0, b"data: x\n\n")))[-1] == Ended(End.STOP)


def test_the_budget_of_a_turn_adds_up_its_answers() -> None:
    turn = TurnBudget(LIMITS, rounds=2)
    turn.spend(20.0, 80)
    assert (turn.limits.seconds, turn.limits.tokens) == (40.0, 80)
    turn.spend(50.0, 8_000)
    assert (turn.limits.seconds, turn.limits.tokens) == (0.0, 0)


def test_a_model_must_answer_after_its_rounds_of_tools() -> None:
    turn = TurnBudget(LIMITS, rounds=2)
    call = ModelCall("1", "get_time")
    for _ in range(2):
        assert turn.may_call_tools
        turn.called([call])
    assert not turn.may_call_tools


def test_a_model_is_given_the_fault_of_a_call_once() -> None:
    turn = TurnBudget(LIMITS, rounds=9)
    turn.called([ModelCall("1", "get_time", fault="no JSON")])
    assert turn.may_call_tools
    turn.called([ModelCall("2", "get_time", fault="no JSON")])
    assert not turn.may_call_tools
