"""The conversation with a Realtime server: speech to speech, typed text and history included."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    ProposedUserStartedSpeakingFrame,
    StartFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.realtime import events

from appliance.audio.format import INPUT_RATE
from appliance.tools import Speech, ToolResult
from appliance.voice.frames import QuestionFrame
from appliance.voice.realtime.connection import ENGLISH_SPEECH, RealtimeConnection, UtteranceBuffer
from appliance.voice.realtime.route import RealtimeRoute, history, message, turn_detection
from appliance.voice.routing import Unanswered
from appliance.voice.services.function_calling import function_result

INTERRUPTION_SECONDS: Final = 0.5
"""The longest wait for an interruption to pass the pipeline; not all speech causes one."""
OUTCOME_INTRODUCTION: Final = "That was the user's answer to your question. Tell what came of it: "


class RealtimeService(RealtimeConnection):
    """One session's Realtime conversation.

    A new connection gets the history without being asked to answer it. `notice` is spoken to
    the user first, and the question in `unanswered` is asked as soon as it can be.
    """

    def __init__(
        self,
        route: RealtimeRoute,
        context: LLMContext,
        instructions: str,
        give_up: Callable[[Unanswered | None], object],
        *,
        notice: str = "",
        unanswered: Unanswered | None = None,
        now: Callable[[], float] = time.monotonic,
        speech: Speech = ENGLISH_SPEECH,
    ) -> None:
        super().__init__(route, context, instructions, give_up, unanswered, now, speech=speech)
        self._notice = notice
        self._started = False
        self._interrupted = asyncio.Event()
        self._outcome = ""
        self._suppressing = False
        self._question_pending = False

    async def suppress_answers(self) -> None:
        """Cancels the server's answers until `report_outcome`.

        The user has answered a question of a tool. The server hears that too and answers it by
        itself, but knows nothing of the outcome.
        """
        self._suppressing = True
        if self._response_active:
            await self.send_client_event(events.ResponseCancelEvent())

    async def report_outcome(self, result: ToolResult) -> None:
        """Has the model say what the confirmed tool came to, as soon as it is silent."""
        outcome = await function_result(self, result)
        self._outcome = OUTCOME_INTRODUCTION + json.dumps(outcome, ensure_ascii=False)
        if not self._response_active and not self._answer_deadline.pending:
            await self._send_outcome()

    async def _send_outcome(self) -> None:
        outcome, self._outcome, self._suppressing = self._outcome, "", False
        await self.send_client_event(message("system", outcome))
        await self._create_response()

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        await super().push_frame(frame, direction)
        if isinstance(frame, QuestionFrame):
            # The rest of this answer might be another question, whose yes would be taken for ours.
            self._question_pending = True
            if self._response_active:
                await self.send_client_event(events.ResponseCancelEvent())

    async def _handle_evt_response_created(self, evt: events.ResponseCreated) -> None:
        await super()._handle_evt_response_created(evt)
        if self._suppressing or self._question_pending:
            await self.send_client_event(events.ResponseCancelEvent())

    async def _handle_evt_response_done(self, evt: events.ResponseDone) -> None:
        await super()._handle_evt_response_done(evt)
        if self._outcome and evt.response.status != "failed":
            await self._send_outcome()

    async def _handle_evt_session_updated(self, evt: events.ServerEvent) -> None:
        if self._llm_needs_conversation_setup:
            self._llm_needs_conversation_setup = False
            await self._send_history()
        await super()._handle_evt_session_updated(evt)
        await self._ask_unanswered()

    async def _send_history(self) -> None:
        assert self._context is not None
        open_question = self._unanswered.question if self._unanswered else ""
        event = history(self._context.get_messages(), open_question)
        if event is not None:
            await self.send_client_event(event)

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs: Any) -> None:  # noqa: ANN401  as in Pipecat
        if frame_cls is not ProposedUserStartedSpeakingFrame:
            await super().broadcast_frame(frame_cls, **kwargs)
            return
        self._interrupted.clear()
        await super().broadcast_frame(frame_cls, **kwargs)
        # The server's next answer, perhaps at once, must not be swept away by the interruption
        # that this speech causes.
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERRUPTION_SECONDS):
                await self._interrupted.wait()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._interrupted.set()
            self._question_pending = False
        if isinstance(frame, StartFrame):
            if self._notice:
                await self.push_frame(TTSSpeakFrame(self._notice, append_to_context=False))
            self._started = True
            await self._ask_unanswered()

    async def _ask_unanswered(self) -> None:
        """Asks what another route or connection left unanswered, once there is a session."""
        question = self._unanswered
        if question is None or not (self._started and self._api_session_ready):
            return
        self._unanswered = None
        if question.audio:
            self._utterance = UtteranceBuffer(question.audio)
            await self._send_audio_question(question.audio)
        elif question.question:
            await self.send_client_event(message("user", question.question))
        await self._create_response()

    async def _send_audio_question(self, audio: bytes) -> None:
        """Sends a question as audio, as one turn.

        The server detects no turns meanwhile: it might find two in audio that comes at once, and
        answer twice.
        """
        await self.send_client_event(turn_detection("local"))
        await self._send_user_audio(InputAudioRawFrame(audio, INPUT_RATE, 1))
        await self.send_client_event(events.InputAudioBufferCommitEvent())
        await self.send_client_event(turn_detection(self._route.config.turn_detection))

    async def _handle_context(self, context: LLMContext, direction: FrameDirection) -> None:
        """Asks typed text, which ends the context; leaves the rest to Pipecat."""
        text = typed_text(context) if direction == FrameDirection.DOWNSTREAM else None
        if text is None and self._question_pending:
            return  # results of other tools, with which the model would go on
        if text is None:
            await super()._handle_context(context, direction)
            return
        if self._api_session_ready:
            await self.send_client_event(message("user", text))
        # Otherwise it is sent with the history, once there is a connection.
        await self._create_response()


def typed_text(context: LLMContext) -> str | None:
    """The text that the user typed, where the context ends with it."""
    messages: Any = context.get_messages()
    last = messages[-1] if messages else {}
    return str(last["content"]) if last.get("role") == "user" else None
