"""The Realtime route's service: speech to speech, on one connection that is kept alive.

Pipecat's service speaks the protocol. Added here: what was said before is known to a new
connection without being answered, a lost connection is opened again, and typed text is the user's.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    StartFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.realtime import events
from websockets.exceptions import ConnectionClosed

from appliance.circuit_breaker import ERROR_WINDOW_SECONDS
from appliance.tools import ToolResult
from appliance.voice.realtime.route import RealtimeRoute
from appliance.voice.realtime.telling import Teller
from appliance.voice.realtime.utterance_buffer import UtteranceBuffer
from appliance.voice.routing import Unanswered
from appliance.voice.services.function_calling import function_result

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 1.5
"""A connection that takes longer is tried again, or given up."""
PAUSES: Final = (0.0, 0.25, 1.0)
"""Seconds before each attempt to open it again; one more loss in a minute, and it has failed."""
INTERRUPTED_SECONDS: Final = 0.5
"""The longest wait for an interruption to come round; there may be none."""
LOST: Final = "I lost the connection for a moment."
_CARRIED_OUT = "That was the user's answer to your question. Tell what came of it: "


class RealtimeService(Teller):
    """One session's connection. `failed` is called when it is gone for good, with what it has
    not answered; None where no answer is owed.

    `told` is said to the user first, and `unanswered` asked as soon as it can be.
    """

    def __init__(
        self,
        route: RealtimeRoute,
        context: LLMContext,
        instructions: str,
        failed: Callable[[Unanswered | None], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(route, context, instructions)
        self._failed = failed
        self.told = ""
        self._now = now
        self._losses: list[float] = []
        self._over = self._was_open = self._started = False
        self._overdue: asyncio.TimerHandle | None = None
        self._outcome, self._held = "", False
        self._interrupted = asyncio.Event()
        self._utterance = UtteranceBuffer()

    async def send_client_event(self, event: events.ClientEvent) -> None:
        if isinstance(event, events.ResponseCreateEvent):
            self._await_answer()
        elif isinstance(event, events.ResponseCancelEvent):
            self._answer_came()
        temperature = self._route.config.temperature
        if isinstance(event, events.SessionUpdateEvent) and temperature:
            message = event.model_dump(exclude_none=True)
            message["session"]["temperature"] = temperature
            await self._ws_send(message)
            return
        await super().send_client_event(event)

    async def _connect(self) -> None:
        # The results in the context are those of calls that the new session does not know.
        await self._process_completed_function_calls(send_new_results=False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await super()._connect()
        except TimeoutError:
            self._websocket = None
        if not self._is_connected():
            self._note_loss()
        else:
            self._await_answer()  # first of all to our coming

    def _is_connected(self) -> bool:
        return self._websocket is not None

    async def _receive_task_handler(self) -> None:
        try:
            await super()._receive_task_handler()
        except ConnectionClosed as closed:
            log.warning("the Realtime connection was lost: %s", closed)
        except Exception as error:  # noqa: BLE001  Pipecat raises it for what is no event
            await self.push_error(f"The Realtime server makes no sense: {error}"[:300])
        if not (self._disconnecting or self._over):
            self._note_loss()

    def _note_loss(self) -> None:
        """Opens the connection again, unless that was tried too often."""
        self._losses = [at for at in self._losses if self._now() - at < ERROR_WINDOW_SECONDS]
        self._losses.append(self._now())
        if len(self._losses) > len(PAUSES):
            self._give_up()
        elif not self._over:
            self.create_task(self._reopen(len(self._losses)), "reopen")

    async def _reopen(self, attempt: int) -> None:
        answering = self._answer_owed
        self._run_llm_when_api_session_ready = False
        self._answer_came()
        half_said: Any = self._current_audio_response
        if half_said is not None:
            # What was heard of the answer is all that there will be of it.
            self._current_assistant_response = self._current_audio_response = None
            await self.push_frame(TTSStoppedFrame())
            await self.push_frame(LLMFullResponseEndFrame())
        await self._disconnect()
        self._llm_needs_conversation_setup = True
        # A question that waits for its answer is asked again, as sound where that is all there is.
        if answering and (sound := self._utterance.sound):
            self.unanswered = self.unanswered or Unanswered(audio=sound)
        else:
            self._run_llm_when_api_session_ready = answering
        if attempt == 1 and self._was_open:
            await self.push_frame(TTSSpeakFrame(LOST, append_to_context=False))
        await asyncio.sleep(PAUSES[attempt - 1])
        await self._connect()

    def _await_answer(self) -> None:
        """From now on the server has so long to begin an answer."""
        self._answer_came()
        seconds = self._route.config.first_token_seconds
        self._overdue = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _answer_came(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        unanswered = self._owed()
        self._answer_came()
        if not self._over:
            self._over = True
            self._failed(unanswered)

    @property
    def _answer_owed(self) -> bool:
        # Before there is a session, what is awaited is only the server's greeting.
        awaited = self._overdue is not None and self._api_session_ready
        return awaited or self._response_active or self._run_llm_when_api_session_ready

    def _owed(self) -> Unanswered | None:
        if self.unanswered is not None or not self._answer_owed:
            return self.unanswered
        return Unanswered(audio=self._utterance.sound)

    async def hold(self) -> None:
        """An answer to a question was given: what it came to is told, and nothing else."""
        self._held = True
        if self._response_active:
            await self.send_client_event(events.ResponseCancelEvent())

    async def tell(self, answer: ToolResult) -> None:
        """Has the model tell what it came to, as soon as it is silent."""
        told = await function_result(self, answer)
        self._outcome = _CARRIED_OUT + json.dumps(told, ensure_ascii=False)
        if not self._response_active and self._overdue is None:
            await self._tell_outcome()

    async def _tell_outcome(self) -> None:
        told, self._outcome, self._held = self._outcome, "", False
        await self._say_as("system", told)
        await self._create_response()

    async def _handle_evt_response_created(self, evt: events.ResponseCreated) -> None:
        await super()._handle_evt_response_created(evt)
        if self._held:
            # The server answers what it has heard by itself, and knows nothing of the outcome.
            await self.send_client_event(events.ResponseCancelEvent())

    async def _handle_evt_audio_delta(self, evt: events.ResponseAudioDelta) -> None:
        self._answer_came()
        await super()._handle_evt_audio_delta(evt)

    async def _handle_evt_function_call_arguments_done(
        self, evt: events.ResponseFunctionCallArgumentsDone
    ) -> None:
        self._answer_came()
        await super()._handle_evt_function_call_arguments_done(evt)

    async def _handle_evt_response_done(self, evt: events.ResponseDone) -> None:
        failed = evt.response.status == "failed"
        if failed:
            self._give_up()  # while it is known what was asked
        elif evt.response.status == "completed":
            self._utterance.known()
        self._answer_came()
        await super()._handle_evt_response_done(evt)
        if self._outcome and not failed:
            await self._tell_outcome()

    async def _handle_evt_speech_started(self, evt: events.InputAudioBufferSpeechStarted) -> None:
        self._answer_came()
        self._utterance.begin()
        self._interrupted.clear()
        await super()._handle_evt_speech_started(evt)
        # What the server says next, perhaps at once, must not be swept away by it.
        with suppress(TimeoutError):
            async with asyncio.timeout(INTERRUPTED_SECONDS):
                await self._interrupted.wait()

    async def _handle_evt_speech_stopped(self, evt: events.InputAudioBufferSpeechStopped) -> None:
        self._await_answer()
        await super()._handle_evt_speech_stopped(evt)

    async def _handle_evt_session_updated(self, evt: events.ServerEvent) -> None:
        self._was_open = True
        if not self._api_session_ready:
            self._answer_came()
        if self._llm_needs_conversation_setup:
            self._llm_needs_conversation_setup = False
            await self._tell_what_was_said()
        await super()._handle_evt_session_updated(evt)
        await self._ask()

    async def handle_evt_input_audio_transcription_completed(self, evt: Any) -> None:  # noqa: ANN401  as Pipecat has it
        self._utterance.known()
        await super().handle_evt_input_audio_transcription_completed(evt)

    async def _send_user_audio(self, frame: InputAudioRawFrame) -> None:
        self._utterance.hear(frame.audio)
        await super()._send_user_audio(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, UserStartedSpeakingFrame):
            self._utterance.begin()
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._interrupted.set()
        if isinstance(frame, StartFrame):
            if self.told:
                await self.push_frame(TTSSpeakFrame(self.told, append_to_context=False))
            self._started = True
            await self._ask()

    async def _ask(self) -> None:
        """Asks what another route could not answer, once there is a session to ask it in."""
        asked = self.unanswered
        if asked is None or not (self._started and self._api_session_ready):
            return
        self.unanswered = None
        if asked.audio:
            self._utterance = UtteranceBuffer(asked.audio)
            await self._send_question(asked.audio)
        elif asked.question:
            await self._say_as("user", asked.question)
        await self._create_response()

    async def _handle_context(self, context: LLMContext, direction: FrameDirection) -> None:
        """Typed text comes as a context that it ends; anything else is as Pipecat has it."""
        if direction == FrameDirection.DOWNSTREAM:
            messages: Any = context.get_messages()
            last = messages[-1] if messages else {}
            if last.get("role") == "user":
                if self._api_session_ready:
                    await self._say_as("user", str(last["content"]))
                # Else it is asked with all that was said before, once there is a connection.
                await self._create_response()
                return
        await super()._handle_context(context, direction)

    async def cleanup(self) -> None:
        self._answer_came()
        self._over = True
        await super().cleanup()
