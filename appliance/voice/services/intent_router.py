"""Who answers a turn: a tool at once, the language model, or an honest apology."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pipecat.frames.frames import (
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

from appliance.conversation import MODEL_SILENT, NO_MODEL, NOT_CAUGHT, EventKind
from appliance.llm.context import trim
from appliance.voice.recorder import Recorder
from appliance.voice.services.tool_caller import ToolCaller


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
