"""No answer ends in silence, and none comes faster than a client can follow."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.conversation import ANSWER_FILTERED, CUT_SHORT, MODEL_THINKS, NOTHING_TO_SAY
from appliance.llm.answer_events import (
    AnswerEvent,
    AnswerWords,
    End,
    Ended,
    ModelCall,
    Thought,
    Unsaid,
)
from appliance.voice.services.answer_writer import (
    BURST_CHARACTERS,
    CHARACTERS_PER_SECOND,
    AnswerWriter,
    Pace,
)

WORDS, THOUGHT, CALL = AnswerWords("It is noon."), Thought(3), ModelCall("1", "get_time")


async def written(*events: AnswerEvent, results: str = "") -> tuple[str, list[ModelCall]]:
    texts: list[str] = []

    async def write(text: str) -> None:
        texts.append(text)

    async def answer() -> AsyncIterator[AnswerEvent]:
        for event in events:
            yield event

    async def unsay() -> bool:
        texts.clear()
        return True

    calls = await AnswerWriter(write, unsay, lambda: results).write_all(answer())
    return "".join(texts), calls


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((WORDS, Ended(End.STOP)), "It is noon."),
        ((WORDS, Ended(End.TOO_LONG)), f"It is noon. {CUT_SHORT}"),
        ((Ended(End.STOP),), NOTHING_TO_SAY),
        ((AnswerWords(" \U0001f600"), Ended(End.STOP)), f" \U0001f600{NOTHING_TO_SAY}"),
        ((THOUGHT, Ended(End.STOP)), NOTHING_TO_SAY),
        ((THOUGHT, Ended(End.LENGTH)), MODEL_THINKS),
        ((THOUGHT, Ended(End.TOO_LONG)), MODEL_THINKS),
        ((Ended(End.FILTERED),), ANSWER_FILTERED),
        ((WORDS, Unsaid(), Ended(End.STOP)), NOTHING_TO_SAY),
        ((WORDS, Unsaid(), WORDS, Ended(End.STOP)), "It is noon."),
    ],
)
async def test_what_is_written(events: tuple[AnswerEvent, ...], said: str) -> None:
    assert await written(*events) == (said, [])


async def test_a_call_needs_no_words() -> None:
    assert await written(CALL, Ended(End.STOP)) == ("", [CALL])


async def test_a_model_without_words_leaves_the_word_to_its_tools() -> None:
    assert await written(Ended(End.STOP), results="Timer set.") == ("Timer set.", [])


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 0.05)), max_size=60))
def test_text_is_passed_on_at_a_pace(pieces: list[tuple[int, float]]) -> None:
    pace, now, sent = Pace(), 100.0, 0
    for characters, seconds in pieces:
        now += seconds
        sent += characters
        now += pace.wait(characters, now)
        assert sent <= BURST_CHARACTERS + 500 + CHARACTERS_PER_SECOND * (now - 100.0)
