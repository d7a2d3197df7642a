"""Routes a turn to what answers it: a tool, the language model, or an apology."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
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

from appliance.conversation import NO_MODEL, NOT_CAUGHT, EventKind
from appliance.llm.context import trim
from appliance.tools import ToolResult
from appliance.tools.registry import Match
from appliance.voice.frames import PlaybackMarkerFrame
from appliance.voice.recorder import Recorder
from appliance.voice.services.answer_stream import HeldOpening
from appliance.voice.services.model_apologies import model_apology
from appliance.voice.services.tool_caller import ToolCaller


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The question that is answered before the turn is over.

    `by_model`: the model answers it, and `apology` is said where it failed to. Otherwise `answer`
    is the tool that runs ahead, with its match; without it, the answer waits for the turn's end.
    """

    question: str = ""
    by_model: bool = False
    apology: str = ""
    answer: "tuple[Match, asyncio.Task[ToolResult]] | None" = None


class IntentRouter(FrameProcessor):
    """Stands before the language model and answers the turns that need none.

    `opening` gets what a tool that runs ahead answers, so that it is synthesized meanwhile.
    `on_speaking` is called when the assistant begins and ends to speak, `on_thinking` when an
    answer is on its way and when it no longer is. `reroute` is called with a question to which no
    model answers; it returns True where another route does. `context_tokens` is the budget of the
    conversation; `no_model_because` is the sentence for a model that cannot answer yet, or not now;
    empty for one that fails.
    """

    def __init__(
        self,
        call_tool: ToolCaller,
        recorder: Recorder,
        context: LLMContext,
        opening: HeldOpening,
        *,
        has_model: bool,
        context_tokens: Callable[[], int],
        on_speaking: Callable[[bool], None],
        on_thinking: Callable[[bool], None],
        reroute: Callable[[str], bool],
        no_model_because: Callable[[], str] = str,
    ) -> None:
        super().__init__()
        self._call_tool = call_tool
        self._recorder = recorder
        self._context = context
        self._opening = opening
        self._ahead = _Ahead()
        self._has_model = has_model
        self._context_tokens = context_tokens
        self._on_speaking = on_speaking
        self._on_thinking = on_thinking
        self._reroute = reroute
        self._no_model_because = no_model_because
        self._turn_open = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction == FrameDirection.DOWNSTREAM:
            await self._answer(frame)
            return
        if direction == FrameDirection.UPSTREAM:
            await self._observe(frame)
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            await self._withdraw_ahead()
        elif isinstance(frame, InterruptionFrame):
            self._on_thinking(False)
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._turn_open = True
        elif isinstance(frame, UserStoppedSpeakingFrame):
            await self._end_turn(frame)
            return
        await self.push_frame(frame, direction)

    async def _observe(self, frame: Frame) -> None:
        if isinstance(frame, BotStartedSpeakingFrame):
            self._call_tool.assistant_spoke()
            self._on_speaking(True)
            self._on_thinking(False)
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._on_speaking(False)
        elif isinstance(frame, EagerEndOfTurnCancelFrame):
            # The model asks for a tool, and those that it asks for do not run ahead.
            await self._withdraw_ahead()
        elif isinstance(frame, ErrorFrame):
            self._recorder.emit(EventKind.ERROR, code="pipeline", message=frame.error)
            if not isinstance(frame.processor, LLMService):
                return
            apology = model_apology(frame.exception)
            if self._ahead.by_model:
                self._ahead = replace(self._ahead, apology=apology)
            else:
                await self._apologise(_newest_user_text(self._context), apology)

    async def _answer(self, frame: LLMContextFrame) -> None:
        text = _newest_user_text(frame.context)
        if frame.speculation and self._turn_open:
            await self._answer_ahead(frame, text)
            return
        self._begin_turn(text)
        if self._has_model and self._call_tool.match(text) is None:
            await self.push_frame(frame)
        else:
            await self._answer_without_model(text)

    async def _answer_without_model(self, text: str) -> None:
        match = self._call_tool.match(text)
        if match is not None:
            answer = await self._call_tool(match.tool.name, match.arguments, "sentence")
            await self._say_result(answer)
        else:
            # One or two words are more often a misheard command than a question.
            said = NO_MODEL if len(text.split()) > 3 else NOT_CAUGHT
            await self._say(self._call_tool.translated(said))

    async def _answer_ahead(self, frame: LLMContextFrame, text: str) -> None:
        """Has the model, or a tool that changes nothing, answer before the turn is over."""
        await self._withdraw_ahead()
        match = self._call_tool.match(text)
        if match is None and self._has_model:
            self._ahead = _Ahead(text, by_model=True)
            await self.push_frame(frame)
        elif match is not None and match.tool.read_only and not match.tool.confirm:
            answering = self.create_task(self._run_ahead(match), "run ahead")
            self._ahead = _Ahead(text, answer=(match, answering))
        else:
            self._ahead = _Ahead(text)

    async def _run_ahead(self, match: Match) -> ToolResult:
        answer = await self._call_tool.call_ahead(match)
        if not (answer.quoted or answer.silent):
            self._opening.begin()
            self._opening.feed(answer.spoken)
            self._opening.end()
        return answer

    async def _withdraw_ahead(self) -> None:
        ahead, self._ahead = self._ahead, _Ahead()
        if ahead.answer is not None:
            await self.cancel_task(ahead.answer[1])
            self._opening.withdraw()

    async def cleanup(self) -> None:
        await self._withdraw_ahead()
        await super().cleanup()

    def _begin_turn(self, text: str) -> None:
        self._recorder.user_turn(text)
        self._call_tool.turn_started(text)
        self._on_thinking(True)
        messages: Any = self._context.get_messages()
        kept: Any = trim(messages, self._context_tokens())
        self._context.set_messages(kept)

    async def _end_turn(self, frame: UserStoppedSpeakingFrame) -> None:
        """Passes on that the turn is over, which releases what was answered ahead."""
        self._turn_open = False
        ahead, self._ahead = self._ahead, _Ahead()
        if ahead.question:
            self._begin_turn(ahead.question)
        await self.push_frame(frame)
        if ahead.apology:
            await self._apologise(ahead.question, ahead.apology)
        elif ahead.answer is not None:
            match, answering = ahead.answer
            answer = await answering
            self._call_tool.record(match, answer)
            await self._say_result(answer)
        elif ahead.question and not ahead.by_model:
            await self._answer_without_model(ahead.question)

    async def _apologise(self, question: str, apology: str) -> None:
        """Says that no model answers, unless another route does."""
        if not self._reroute(question):
            said = self._no_model_because() or apology
            await self.push_frame(TTSSpeakFrame(self._call_tool.translated(said)))

    async def _say_result(self, answer: ToolResult) -> None:
        if answer.quoted:
            # Past the context: a model that reads it might take it for an instruction.
            await self.push_frame(TTSSpeakFrame(answer.spoken, append_to_context=False))
        else:
            await self._say("" if answer.silent else answer.spoken)
        if answer.question_id:
            heard = partial(self._call_tool.question_heard, answer.question_id)
            await self.push_frame(PlaybackMarkerFrame(heard))

    async def _say(self, text: str) -> None:
        """Answers as a language model would, so that all later processors treat it alike."""
        if not text:
            self._on_thinking(False)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())


def _newest_user_text(context: LLMContext) -> str:
    """The newest message, where that is the user's; else nothing."""
    messages: Any = context.get_messages()
    if not messages or messages[-1].get("role") != "user":
        return ""
    content = messages[-1].get("content")
    return content.strip() if isinstance(content, str) else ""


def last_question(context: LLMContext) -> str:
    """The newest message of the user that has no answer; empty where there is none."""
    messages: Any = context.get_messages()
    for message in reversed(messages):
        content = message.get("content")
        if message.get("role") == "user":
            return content.strip() if isinstance(content, str) else ""
        if message.get("role") == "assistant" and content:
            return ""
    return ""
