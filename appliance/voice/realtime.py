"""The Realtime route's service: speech to speech, on one connection that is kept alive.

Pipecat's service speaks the protocol. Added here: what was said before is known to a new
connection without being answered, a lost connection is opened again, and typed text is the user's.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    StartFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from websockets.exceptions import ConnectionClosed

from appliance.config import Config, Realtime
from appliance.engines import INPUT_RATE
from appliance.providers import is_local
from appliance.voice.failover import Unanswered

log = logging.getLogger(__name__)

OPENAI: Final = "wss://api.openai.com/v1/realtime"
SECRET: Final = "OPENAI_API_KEY"
CONNECT_SECONDS: Final = 1.5
"""A connection that takes longer is tried again, or given up."""
PAUSES: Final = (0.0, 0.25, 1.0)
"""Seconds before each attempt to open it again; one more loss in a minute, and it has failed."""
WINDOW_SECONDS: Final = 60.0
LOST: Final = "I lost the connection for a moment."
_SAID_BEFORE = "What was said before, as JSON. Go on from there; do not mention this message.\n"


@dataclass(frozen=True, slots=True)
class RealtimeRoute:
    """Where the Realtime route leads; there is none without a key and the owner's leave."""

    config: Realtime
    instructions: str
    key: str = field(repr=False)

    @property
    def base_url(self) -> str:
        return self.config.base_url or OPENAI

    @property
    def left_the_box(self) -> bool:
        return not is_local(self.base_url)

    @property
    def name(self) -> str:
        return f"{self.config.model} at {urlsplit(self.base_url).netloc.rpartition('@')[2]}"


def realtime_route(config: Config, secrets: Mapping[str, str]) -> RealtimeRoute | None:
    """The Realtime route, where the owner allowed it and gave a key."""
    key = secrets.get(SECRET, "")
    if config.fallback.policy == "off" or not key:
        return None
    return RealtimeRoute(
        config.realtime, config.realtime.instructions or config.llm.system_prompt, key
    )


def properties(config: Realtime) -> events.SessionProperties:
    """What the server is told of a session, but for instructions and tools."""
    detection: dict[str, events.TurnDetection | events.SemanticTurnDetection | bool] = {
        "server_vad": events.TurnDetection(),
        "semantic_vad": events.SemanticTurnDetection(),
        "local": False,
    }
    reduced = config.noise_reduction
    return events.SessionProperties(
        output_modalities=["audio"],
        max_output_tokens=config.max_tokens or "inf",
        audio=events.AudioConfiguration(
            input=events.AudioInput(
                format=events.PCMAudioFormat(),
                transcription=events.InputAudioTranscription(model=config.transcription_model),
                noise_reduction=None
                if reduced == "off"
                else events.InputAudioNoiseReduction(type=reduced),
                turn_detection=detection[config.turn_detection],
            ),
            output=events.AudioOutput(format=events.PCMAudioFormat(), voice=config.voice),
        ),
    )


class RealtimeService(OpenAIRealtimeLLMService):
    """One session's connection. `failed` is called when it is gone for good.

    `told` is said to the user first, and `unanswered` asked as soon as it can be.
    """

    def __init__(
        self,
        route: RealtimeRoute,
        context: LLMContext,
        instructions: str,
        failed: Callable[[Unanswered], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            api_key=route.key,
            base_url=route.base_url,
            settings=self.Settings(
                model=route.config.model,
                system_instruction=instructions or route.instructions,
                session_properties=properties(route.config),
            ),
        )
        self._route = route
        self._failed = failed
        self.unanswered: Unanswered | None = None
        self.told = ""
        self._started = False
        self._now = now
        self._losses: list[float] = []
        self._over = self._was_open = False
        self._reopening: asyncio.Task[None] | None = None
        # Known from the start: a server that ends turns answers without being asked to.
        self._context = context

    async def _auth_headers(self) -> dict[str, str]:
        # Azure takes a key under a name of its own.
        return {**await super()._auth_headers(), "api-key": self.api_key}

    async def send_client_event(self, event: events.ClientEvent) -> None:
        temperature = self._route.config.temperature
        if isinstance(event, events.SessionUpdateEvent) and temperature:
            message = event.model_dump(exclude_none=True)
            message["session"]["temperature"] = temperature
            await self._ws_send(message)
            return
        await super().send_client_event(event)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await super()._connect()
        except TimeoutError:
            self._websocket = None
        if not self._is_connected():
            self._note_loss()

    def _is_connected(self) -> bool:
        return self._websocket is not None

    async def _receive_task_handler(self) -> None:
        try:
            await super()._receive_task_handler()
        except ConnectionClosed as closed:
            log.warning("the Realtime connection was lost: %s", closed)
        if not (self._disconnecting or self._over):
            self._note_loss()

    def _note_loss(self) -> None:
        """Opens the connection again, unless that was tried too often."""
        self._losses = [at for at in self._losses if self._now() - at < WINDOW_SECONDS]
        self._losses.append(self._now())
        if self._over:
            return
        if len(self._losses) > len(PAUSES):
            self._over = True
            self._failed(Unanswered())
            return
        self._reopening = self.create_task(self._reopen(len(self._losses)), "reopen")

    async def _reopen(self, attempt: int) -> None:
        answering, self._run_llm_when_api_session_ready = self._response_active, False
        half_said: Any = self._current_audio_response
        if half_said is not None:
            # What was heard of the answer is all that there will be of it.
            self._current_assistant_response = self._current_audio_response = None
            await self.push_frame(TTSStoppedFrame())
            await self.push_frame(LLMFullResponseEndFrame())
        await self._disconnect()
        self._llm_needs_conversation_setup = True
        # A question that waits for its answer is asked again.
        self._run_llm_when_api_session_ready = answering
        if attempt == 1 and self._was_open:
            await self.push_frame(TTSSpeakFrame(LOST, append_to_context=False))
        await asyncio.sleep(PAUSES[attempt - 1])
        await self._connect()

    async def _handle_evt_session_updated(self, evt: events.ServerEvent) -> None:
        self._was_open = True
        if self._llm_needs_conversation_setup:
            self._llm_needs_conversation_setup = False
            await self._tell_what_was_said()
        await super()._handle_evt_session_updated(evt)
        await self._ask()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
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
            frame = InputAudioRawFrame(asked.audio, INPUT_RATE, 1)
            await self._send_user_audio(frame)
            await self.send_client_event(events.InputAudioBufferCommitEvent())
        elif asked.question:
            await self._say_as("user", asked.question)
        await self._create_response()

    async def _tell_what_was_said(self) -> None:
        """Puts the conversation's text into the session, for the model to know."""
        assert self._context is not None
        messages: Any = self._context.get_messages()
        said = [
            {"role": message["role"], "content": message["content"]}
            for message in messages
            if message.get("role") in ("user", "assistant")
            and isinstance(message.get("content"), str)
        ]
        waits = self.unanswered.question if self.unanswered else ""
        if waits and said and said[-1] == {"role": "user", "content": waits}:
            said.pop()
        if said:
            await self._say_as("system", _SAID_BEFORE + json.dumps(said, ensure_ascii=False))

    async def _say_as(self, role: str, text: str) -> None:
        """Not `_send_message_item`: the server's echo of it must not look like an answer."""
        content = [events.ItemContent(type="input_text", text=text)]
        item = events.ConversationItem(type="message", role=role, content=content)
        self._messages_added_manually[item.id] = True
        await self.send_client_event(events.ConversationItemCreateEvent(item=item))

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
        self._over = True
        await super().cleanup()
