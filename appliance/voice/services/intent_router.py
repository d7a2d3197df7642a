"""Who answers a turn: a tool at once, the language model, or an honest apology."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipecat.frames.frames import (
    AggregatedTextFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.utils.text.base_text_aggregator import TextType

from appliance.conversation import MODEL_SILENT, NO_MODEL, NOT_CAUGHT, EventKind
from appliance.llm.context import trim
from appliance.tools import Answer, ToolContext
from appliance.tools.registry import Match, ToolRegistry
from appliance.voice.recorder import Recorder
from appliance.voice.services.answer_stream import HeldOpening, Pieces


@dataclass(slots=True)
class ToolCaller:
    """Calls tools for one session and writes down each call and result."""

    registry: ToolRegistry
    surroundings: ToolContext
    recorder: Recorder

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> Answer:
        """Runs a tool; `via` says who asked: "sentence" or "model"."""
        self.recorder.emit(EventKind.TOOL_CALL, tool=name, arguments=dict(arguments), via=via)
        answer = await self.registry.call(name, arguments, self.surroundings, via)
        self.recorder.emit(
            EventKind.TOOL_RESULT, tool=name, spoken=answer.spoken, data=dict(answer.data)
        )
        return answer

    def match(self, text: str) -> Match | None:
        """The tool that the user asks for; a yes or no only where this session was asked."""
        return self.registry.match(text, self.surroundings.session_id)

    def turn_started(self, text: str) -> None:
        """Anything but a yes or no withdraws what waits for one."""
        self.registry.turn(text, self.surroundings.session_id)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What the model is answering before the turn is over, and whether it failed at that."""

    text: str = ""
    failed: bool = False


class IntentRouter(FrameProcessor):
    """Stands before the language model and answers what needs none."""

    def __init__(
        self,
        call: ToolCaller,
        recorder: Recorder,
        context: LLMContext,
        *,
        has_model: bool,
        context_tokens: int,
        speaking: Callable[[bool], None],
        thinking: Callable[[bool], None],
        failed: Callable[[str], bool],
    ) -> None:
        super().__init__()
        self._call = call
        self._recorder = recorder
        self._context = context
        self._ahead = _Ahead()
        self._has_model = has_model
        self._context_tokens = context_tokens
        self._speaking = speaking
        self._thinking = thinking
        self._failed = failed
        self._turn_open = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction == FrameDirection.DOWNSTREAM:
            await self._answer(frame)
            return
        if direction == FrameDirection.UPSTREAM:
            await self._observe(frame)
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            self._ahead = _Ahead()
        elif isinstance(frame, InterruptionFrame):
            self._thinking(False)
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._turn_open = True
        elif isinstance(frame, UserStoppedSpeakingFrame):
            await self._confirm(frame)
            return
        await self.push_frame(frame, direction)

    async def _observe(self, frame: Frame) -> None:
        if isinstance(frame, BotStartedSpeakingFrame):
            self._speaking(True)
            self._thinking(False)
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._speaking(False)
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            # The model wants a tool, and tools do not run ahead.
            self._ahead = _Ahead()
        elif isinstance(frame, ErrorFrame):
            self._recorder.emit(EventKind.ERROR, code="pipeline", message=frame.error)
            if not isinstance(frame.processor, LLMService):
                return
            if self._ahead.text:
                self._ahead = replace(self._ahead, failed=True)
            else:
                await self._apologise(_last_words(self._context))

    async def _answer(self, frame: LLMContextFrame) -> None:
        text = _last_words(frame.context)
        if frame.speculation and self._turn_open:
            self._ahead = _Ahead(text)
            await self.push_frame(frame)
            return
        self._begin_turn(text)
        # The end of the turn may overtake what was asked ahead of it; it is the answer then.
        match = None if frame.speculation else self._call.match(text)
        if match is not None:
            answer = await self._call(match.tool.name, match.arguments, "sentence")
            if answer.quoted:
                # Past the context: a model that reads it might take it for an order.
                await self.push_frame(TTSSpeakFrame(answer.spoken, append_to_context=False))
            else:
                await self._say("" if answer.silent else answer.spoken)
        elif self._has_model:
            await self.push_frame(frame)
        else:
            # One or two words are more often a misheard command than a question.
            await self._say(NO_MODEL if len(text.split()) > 3 else NOT_CAUGHT)

    def _begin_turn(self, text: str) -> None:
        self._recorder.turn_started(text)
        self._call.turn_started(text)
        self._thinking(True)
        messages: Any = self._context.get_messages()
        kept: Any = trim(messages, self._context_tokens)
        self._context.set_messages(kept)

    async def _confirm(self, frame: UserStoppedSpeakingFrame) -> None:
        """The turn is over, which lets go of what the model answered ahead."""
        self._turn_open = False
        ahead, self._ahead = self._ahead, _Ahead()
        if ahead.text:
            self._begin_turn(ahead.text)
        await self.push_frame(frame)
        if ahead.failed:
            await self._apologise(ahead.text)

    async def _apologise(self, question: str) -> None:
        """No model answers: another route does, or nobody."""
        if not self._failed(question):
            await self.push_frame(TTSSpeakFrame(MODEL_SILENT))

    async def _say(self, text: str) -> None:
        """Answers as a language model would, so that everything behind treats it alike."""
        if not text:
            self._thinking(False)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())


class AnswerText(FrameProcessor):
    """Stands behind the language model: cuts its answer into what is spoken piece by piece.

    The first piece is a clause, so that the voice begins early. Code still reaches the page and
    the context; it is only not read aloud.
    """

    def __init__(self, recorder: Recorder, opening: HeldOpening) -> None:
        super().__init__()
        self._recorder = recorder
        self._opening = opening
        self._pieces = Pieces()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame) and direction == FrameDirection.DOWNSTREAM:
            self._recorder.token()
            await self._push(self._pieces.feed(frame.text))
            return
        if isinstance(frame, LLMFullResponseStartFrame):
            self._pieces = self._opening.let_go()
        elif isinstance(frame, InterruptionFrame):
            self._pieces = Pieces()
        elif isinstance(frame, LLMFullResponseEndFrame):
            await self._push(self._pieces.end())
        await self.push_frame(frame, direction)

    async def _push(self, pieces: list[tuple[str, bool]]) -> None:
        for text, spoken in pieces:
            if spoken:
                self._recorder.says(text)
                await self.push_frame(AggregatedTextFrame(text, TextType.SENTENCE))
            else:
                code = LLMTextFrame(text)
                code.skip_tts = True
                await self.push_frame(code)


def _last_words(context: LLMContext) -> str:
    """The newest thing the user said; empty where the newest message is not the user's."""
    messages: Any = context.get_messages()
    if not messages or messages[-1].get("role") != "user":
        return ""
    content = messages[-1].get("content")
    return content.strip() if isinstance(content, str) else ""


def last_question(context: LLMContext) -> str:
    """The newest thing the user said that nobody has answered; empty where there is none."""
    messages: Any = context.get_messages()
    for message in reversed(messages):
        content = message.get("content")
        if message.get("role") == "user":
            return content.strip() if isinstance(content, str) else ""
        if message.get("role") == "assistant" and content:
            return ""
    return ""
