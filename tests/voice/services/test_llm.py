"""An answer that may be withdrawn is read as far as its first piece, and no further."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from appliance.config.loader import load
from appliance.llm.answer_events import AnswerEvent, AnswerWords, End, Ended
from appliance.llm.answer_reader import AnswerLimits
from appliance.text.pieces import SpeechCost
from appliance.voice.services.answer_stream import HeldOpening
from appliance.voice.services.llm import ChatService

anything: Any = SimpleNamespace
WORDS = ("It is noon.", " Time", " to eat", " something", " warm.")


@dataclass
class Answer:
    """The answer of a model; `read` is how many of its events were asked for."""

    words: tuple[str, ...]
    read: int = 0
    closed: bool = False

    async def __aiter__(self) -> AsyncIterator[AnswerEvent]:
        for word in self.words:
            self.read += 1
            yield AnswerWords(word)
        self.read += 1
        yield Ended(End.STOP)

    async def close(self) -> None:
        self.closed = True


@dataclass
class Models:
    """Stands for the endpoints: each question gets the same answer."""

    words: tuple[str, ...] = WORDS
    answers: list[Answer] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    first: Any = field(default_factory=lambda: anything(model="m", left_the_box=False))
    limits: AnswerLimits = field(default_factory=AnswerLimits)

    async def create(self, _before: Any, _limits: Any, session: str, **_params: Any) -> Answer:  # noqa: ANN401
        self.sessions.append(session)
        self.answers.append(Answer(self.words))
        return self.answers[-1]

    def session_ended(self, session: str) -> None:
        self.ended.append(session)


class Behind(FrameProcessor):
    """Keeps what the service passes on."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""
        self.ends = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            self.said += frame.text
        self.ends += isinstance(frame, LLMFullResponseEndFrame)
        await self.push_frame(frame, direction)


@dataclass
class Running:
    """A service in a pipeline of its own; `prepared` is what the voice was given ahead."""

    models: Models
    prepared: list[str]
    behind: Behind
    worker: PipelineWorker

    async def pause(self) -> None:
        """The user pauses, and the words so far are answered."""
        context = LLMContext(messages=[{"role": "user", "content": "What time is it?"}])
        await self.worker.queue_frames(
            [UserStartedSpeakingFrame(), LLMContextFrame(context=context, speculation=True)]
        )


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[Running]:
    models, prepared, behind = Models(words or WORDS), list[str](), Behind()
    opening = HeldOpening(prepared.append, prepared.clear, SpeechCost)
    given: Any = models
    service = ChatService(
        *(given, load((), {}).llm, "Be brief.", opening, anything()), session_id="mine"
    )
    worker = PipelineWorker(Pipeline([service, behind]), idle_timeout_secs=None)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    run = asyncio.create_task(runner.run())
    try:
        yield Running(models, prepared, behind, worker)
    finally:
        await worker.cancel()
        await run


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():  # noqa: ASYNC110  the pipeline changes it
            await asyncio.sleep(0.005)


async def test_the_rest_is_read_when_the_turn_is_over() -> None:
    async with running() as held:
        await held.pause()
        await until(lambda: held.prepared == ["It is noon."])
        # Nothing else is read while other tasks run.
        for _ in range(200):
            await asyncio.sleep(0)
        (answer,) = held.models.answers
        assert answer.read < len(WORDS)
        assert held.behind.said == ""
        await held.worker.queue_frame(UserStoppedSpeakingFrame())
        await until(lambda: held.behind.ends == 1)
        assert held.behind.said == "".join(WORDS)
        # It is the same answer, to one question.
        assert held.models.answers == [answer]
        assert answer.closed
    assert held.models.sessions == ["mine"]
    assert held.models.ended == ["mine"]


async def test_an_answer_that_is_withdrawn_is_closed_unread() -> None:
    async with running() as held:
        await held.pause()
        await until(lambda: bool(held.prepared))
        await held.worker.queue_frame(EagerEndOfTurnCancelFrame())
        await until(lambda: held.models.answers[0].closed)
        assert held.models.answers[0].read < len(WORDS)
        # The next pause is answered, and given.
        await held.pause()
        await until(lambda: bool(held.prepared))
        await held.worker.queue_frame(UserStoppedSpeakingFrame())
        await until(lambda: held.behind.ends == 1)
        assert held.behind.said == "".join(WORDS)


async def test_a_short_answer_is_prepared_when_it_is_complete() -> None:
    async with running("Noon") as held:
        await held.pause()
        await until(lambda: held.prepared == ["Noon"])
        await held.worker.queue_frame(UserStoppedSpeakingFrame())
        await until(lambda: held.behind.ends == 1)
        assert held.behind.said == "Noon"
