"""The connection to a Realtime server: kept open, with a deadline for every answer.

Pipecat's service speaks the protocol and takes a lost connection for fatal. This one opens it
again, after short pauses, and keeps the question that waits for its answer.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from appliance.audio.format import INPUT_RATE
from appliance.network.proxies import ProxyRules
from appliance.tools import Speech
from appliance.voice.realtime.route import (
    RealtimeRoute,
    changed_speech,
    instructions_for,
    session_properties,
)
from appliance.voice.routing import Unanswered

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 1.5
"""An attempt to connect that takes longer has failed."""
RECONNECT_PAUSES: Final = (0.0, 0.25, 1.0)
"""Seconds before each attempt to connect again; one more loss within a minute is final."""
LOSS_WINDOW_SECONDS: Final = 60.0
ENGLISH_SPEECH: Final = Speech("", "en", 1.0)
CONNECTION_LOST: Final = "I lost the connection for a moment."


class Deadline:
    """Calls `expired` once after `seconds`, unless it is cancelled or started again before.

    It is pending from `start` to `cancel`, also after it has expired.
    """

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._seconds = seconds
        self._expired = expired
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        return self._timer is not None

    def start(self) -> None:
        self.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._expired)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class RealtimeConnection(OpenAIRealtimeLLMService):
    """Pipecat's service for one session, whose connection outlives short failures.

    `give_up` is called once, when the server cannot be reached or does not answer in time: with
    the question that waits for its answer, or None where none does. `unanswered` is the question
    that the route before left; subclasses ask it. `now` is a monotonic clock, in seconds. `speech`
    is how the user wants to be spoken to.
    """

    def __init__(
        self,
        route: RealtimeRoute,
        context: LLMContext,
        instructions: str,
        give_up: Callable[[Unanswered | None], object],
        unanswered: Unanswered | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        speech: Speech = ENGLISH_SPEECH,
    ) -> None:
        self._instructions = instructions or route.instructions
        super().__init__(
            api_key=route.key,
            base_url=route.base_url,
            settings=self.Settings(
                model=route.config.model,
                system_instruction=instructions_for(self._instructions, speech),
                session_properties=session_properties(route.config, speech),
            ),
        )
        # Known from the start: a server that detects turns answers without being asked to.
        self._context = context
        self._route = route
        self._unanswered = unanswered
        self._utterance = UtteranceBuffer()
        self._answer_deadline = Deadline(route.config.first_token_seconds, self._fail)
        self._give_up = give_up
        self._now = now
        self._proxies = ProxyRules()
        self._losses: list[float] = []
        self._was_open = False
        self._over = False

    async def adopt(self, speech: Speech) -> None:
        """Speaks as the user wants to be spoken to, from the next answer on."""
        # For the next connection, which begins anew.
        settings: Any = self._settings  # Pipecat types it as the base class
        settings.system_instruction = instructions_for(self._instructions, speech)
        settings.session_properties = session_properties(self._route.config, speech)
        if self._api_session_ready:
            event = changed_speech(self._route.config, self._instructions, speech)
            await self.send_client_event(event)

    async def _auth_headers(self) -> dict[str, str]:
        # Azure reads the key from a header of its own.
        return {**await super()._auth_headers(), "api-key": self.api_key}

    async def send_client_event(self, event: events.ClientEvent) -> None:
        if isinstance(event, events.ResponseCreateEvent):
            self._answer_deadline.start()
        elif isinstance(event, events.ResponseCancelEvent):
            self._answer_deadline.cancel()
        temperature = self._route.config.temperature
        if isinstance(event, events.SessionUpdateEvent) and temperature:
            # Pipecat's event has no such field.
            update = event.model_dump(exclude_none=True)
            update["session"]["temperature"] = temperature
            await self._ws_send(update)
            return
        await super().send_client_event(event)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, InputAudioRawFrame):
            self._utterance.append(frame.audio)
        elif isinstance(frame, UserStartedSpeakingFrame):
            self._utterance.open()
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, TTSAudioRawFrame):
            self._answer_deadline.cancel()
        elif isinstance(frame, TranscriptionFrame):
            self._utterance.close()
        await super().push_frame(frame, direction)

    async def broadcast_frame(self, frame_cls: type[Frame], **kwargs: Any) -> None:  # noqa: ANN401  as in Pipecat
        if frame_cls is ProposedUserStartedSpeakingFrame:
            self._answer_deadline.cancel()
            self._utterance.open()
        elif frame_cls is ProposedUserStoppedSpeakingFrame:
            self._answer_deadline.start()
        await super().broadcast_frame(frame_cls, **kwargs)

    async def run_function_calls(self, function_calls: Any) -> None:  # noqa: ANN401  as in Pipecat
        self._answer_deadline.cancel()
        await super().run_function_calls(function_calls)

    async def _handle_evt_session_updated(self, evt: events.ServerEvent) -> None:
        self._was_open = True
        if not self._api_session_ready:
            self._answer_deadline.cancel()
        await super()._handle_evt_session_updated(evt)

    async def _handle_evt_response_done(self, evt: events.ResponseDone) -> None:
        if evt.response.status == "failed":
            self._fail()  # while it is known which question waits
        elif evt.response.status == "completed":
            self._utterance.close()
        self._answer_deadline.cancel()
        await super()._handle_evt_response_done(evt)

    async def _connect(self) -> None:
        # The results in the context are those of calls that a new session does not know.
        await self._process_completed_function_calls(send_new_results=False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                # Pipecat's `_connect` would reach a local server through a proxy, too.
                websocket: Any = await connect(
                    self.base_url,
                    additional_headers=await self._auth_headers(),
                    proxy=await self._proxies.proxy_for(self.base_url),
                )
        except TimeoutError:
            self._connection_lost()
        except (WebSocketException, OSError, EOFError, ValueError) as error:
            await self.push_error(f"Error connecting: {error}", exception=error)
            self._connection_lost()
        else:
            receive_task: Any = self.create_task(self._receive_task_handler())
            self._websocket, self._receive_task = websocket, receive_task
            self._answer_deadline.start()  # for the server's greeting

    async def _receive_task_handler(self) -> None:
        try:
            await super()._receive_task_handler()
        except ConnectionClosed as closed:
            log.warning("the Realtime connection was lost: %s", closed)
        except Exception as error:  # noqa: BLE001  Pipecat raises it for data that is no event
            reason = f"The Realtime server sent data that is no event: {error}"
            await self.push_error(reason[:300])
        if not (self._disconnecting or self._over):
            self._connection_lost()

    def _connection_lost(self) -> None:
        """Connects again, unless the connection was lost too often of late."""
        now = self._now()
        self._losses = [at for at in self._losses if now - at < LOSS_WINDOW_SECONDS]
        self._losses.append(now)
        if len(self._losses) > len(RECONNECT_PAUSES):
            self._fail()
        elif not self._over:
            self.create_task(self._reconnect(len(self._losses)), "reconnect")

    async def _reconnect(self, attempt: int) -> None:
        answer_owed = self._answer_owed
        self._run_llm_when_api_session_ready = False
        self._answer_deadline.cancel()
        await self._end_interrupted_answer()
        await self._disconnect()
        self._llm_needs_conversation_setup = True
        # An unanswered question is asked again: as audio while its words are not known.
        if answer_owed and (audio := self._utterance.audio):
            self._unanswered = self._unanswered or Unanswered(audio=audio)
        else:
            self._run_llm_when_api_session_ready = answer_owed
        if attempt == 1 and self._was_open:
            await self.push_frame(TTSSpeakFrame(CONNECTION_LOST, append_to_context=False))
        await asyncio.sleep(RECONNECT_PAUSES[attempt - 1])
        await self._connect()

    async def _end_interrupted_answer(self) -> None:
        """Ends the answer that was being spoken where it was: the rest of it never comes."""
        response: Any = self._current_audio_response  # Pipecat declares it as None
        if response is None:
            return
        self._current_assistant_response = self._current_audio_response = None
        await self.push_frame(TTSStoppedFrame())
        await self.push_frame(LLMFullResponseEndFrame())

    @property
    def _answer_owed(self) -> bool:
        # Before the session is ready, the deadline is that of the server's greeting.
        awaited = self._answer_deadline.pending and self._api_session_ready
        return awaited or self._response_active or self._run_llm_when_api_session_ready

    def _fail(self) -> None:
        """Gives the connection up, with the question that waits for its answer."""
        unanswered = self._unanswered
        if unanswered is None and self._answer_owed:
            unanswered = Unanswered(audio=self._utterance.audio)
        self._answer_deadline.cancel()
        if not self._over:
            self._over = True
            self._give_up(unanswered)

    async def cleanup(self) -> None:
        self._answer_deadline.cancel()
        self._over = True
        await super().cleanup()


LEAD_IN_SECONDS: Final = 2.0
"""Kept from before the start of speech is noticed: far servers report it late."""
MAX_SECONDS: Final = 60.0


class UtteranceBuffer:
    """Keeps the audio of the user's question, 16-bit mono at INPUT_RATE.

    `audio` is that of a question asked already, on the route before.
    """

    def __init__(self, audio: bytes = b"") -> None:
        self._buffer = bytearray(audio)
        self._is_open = bool(audio)

    def append(self, pcm: bytes) -> None:
        """Adds microphone audio, speech or not."""
        self._buffer += pcm
        seconds = MAX_SECONDS if self._is_open else LEAD_IN_SECONDS
        del self._buffer[: -2 * int(seconds * INPUT_RATE)]

    def open(self) -> None:
        """The user begins to speak."""
        self._is_open = True

    def close(self) -> None:
        """The words of the question are known, or it was answered without them."""
        self._is_open = False

    @property
    def audio(self) -> bytes:
        """The question with its lead-in; empty where there is none or its words are known."""
        return bytes(self._buffer) if self._is_open else b""
