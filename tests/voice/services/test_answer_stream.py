"""The opening of a held answer is prepared once, and is what the released answer begins with."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from appliance.text.pieces import SpeechCost
from appliance.text.segment import AnswerSegmenter
from appliance.voice.frames import QuestionFrame
from appliance.voice.services.answer_stream import AnswerText, HeldOpening

DISCARDED = "(discarded)"
DOWNSTREAM = FrameDirection.DOWNSTREAM


class Voice:
    """A voice that lists what it is to prepare."""

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.opening = HeldOpening(
            self.prepared.append, lambda: self.prepared.append(DISCARDED), SpeechCost
        )


def _spoken(segmenter: AnswerSegmenter, *texts: str) -> list[str]:
    segments = [segment for text in texts for segment in segmenter.feed(text, 0.0)]
    return [text for text, spoken in segments + segmenter.end(0.0) if spoken]


def test_the_first_segment_is_prepared_once() -> None:
    voice = Voice()
    voice.opening.begin()
    for text in ("It is", " noon.", " Time", " to eat.", " Now."):
        voice.opening.feed(text)
    assert voice.prepared == ["It is noon."]
    assert _spoken(voice.opening.release(), "It is noon. Time")[0] == "It is noon."
    assert _spoken(voice.opening.release(), "Well, so it is.")[0] == "Well, so it is."


def test_the_opening_of_a_withdrawn_answer_is_discarded_once() -> None:
    voice = Voice()
    voice.opening.begin()
    voice.opening.feed("It is noon. Time")
    voice.opening.withdraw()
    voice.opening.withdraw()
    assert voice.prepared == ["It is noon.", DISCARDED]
    assert _spoken(voice.opening.release(), "When it rains, we stay.")[0] == "When it rains,"


def test_an_answer_that_is_not_held_is_not_prepared() -> None:
    voice = Voice()
    voice.opening.feed("It is noon. Time")
    assert voice.prepared == []


def test_code_before_the_words_is_shown_and_not_prepared() -> None:
    voice = Voice()
    voice.opening.begin()
    text = "```x = 1```It is noon. Time"
    voice.opening.feed(text)
    assert voice.prepared == ["It is noon."]
    assert _spoken(voice.opening.release(), text)[0] == "It is noon."


@given(st.lists(st.text(alphabet="ab .,!?`\n", max_size=20), max_size=8))
def test_a_released_answer_begins_with_the_prepared_opening(texts: list[str]) -> None:
    voice = Voice()
    voice.opening.begin()
    for text in texts:
        voice.opening.feed(text)
    # A released answer comes all at once.
    spoken = _spoken(voice.opening.release(), *texts)
    assert not voice.prepared or spoken[0] == voice.prepared[0]


class Pipeline:
    """An AnswerText without neighbours, and what it passes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed: list[Frame] = []
        self.written: list[str] = []
        recorder: Any = SimpleNamespace(
            token_received=lambda: None, answer_written=self.written.append
        )
        self.answer = AnswerText(recorder, Voice().opening)

        async def base(_: object, _frame: Frame, _direction: FrameDirection) -> None: ...

        monkeypatch.setattr(FrameProcessor, "process_frame", base)
        monkeypatch.setattr(self.answer, "push_frame", self.push)

    async def push(self, frame: Frame, direction: FrameDirection = DOWNSTREAM) -> None:
        self.passed.append(frame)

    async def take(self, *frames: Frame, direction: FrameDirection = DOWNSTREAM) -> list[str]:
        """Processes frames; returns the texts that are spoken, and the other frames' names."""
        self.passed.clear()
        for frame in frames:
            await self.answer.process_frame(frame, direction)
        return [getattr(frame, "text", "") or type(frame).__name__ for frame in self.passed]


async def test_a_question_ends_the_models_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, heard = Pipeline(monkeypatch), list[str]()
    question = QuestionFrame("Shall I?", lambda: heard.append("heard"))
    start, end = LLMFullResponseStartFrame, LLMFullResponseEndFrame
    passed = await pipeline.take(
        start(),
        LLMTextFrame("Well then. Would you"),
        question,
        LLMTextFrame(" like a joke?"),
        end(),
    )
    assert passed == [
        *("LLMFullResponseStartFrame", "Well then.", "Shall I?", "PlaybackMarkerFrame"),
        "LLMFullResponseEndFrame",
    ]
    assert pipeline.written[-1] == "Shall I?"
    context = LLMContextFrame(LLMContext())
    assert await pipeline.take(context, direction=FrameDirection.UPSTREAM) == []
    assert await pipeline.take(start(), LLMTextFrame("It is noon."), end()) == [
        *("LLMFullResponseStartFrame", "It is noon.", "LLMFullResponseEndFrame")
    ]
    assert await pipeline.take(context, direction=FrameDirection.UPSTREAM) == ["LLMContextFrame"]
