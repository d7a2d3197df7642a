"""One live connection of one client, from accept to close. Used once."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipecat.frames.frames import OutputAudioRawFrame, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext

from appliance.audio.format import OUTPUT_RATE
from appliance.config.schema import LimitsConfig
from appliance.conversation import EventKind, OnEvent
from appliance.languages.phrases import phrases
from appliance.llm.context import Messages
from appliance.voice.close_reason import CLOSE_FRAMES, CloseReason
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.route_runner import RouteCallbacks, RouteRunner
from appliance.voice.services.tool_caller import ToolCaller
from appliance.voice.session_options import SessionOptions
from appliance.voice.session_recording import OpenRecording, SessionRecording
from appliance.voice.speech_wishes import SpeechWishes
from appliance.voice.tool_context import SessionToolContext
from appliance.voice.transport.send_queue import SendQueue, TransportCallbacks
from appliance.voice.transport.websocket import SocketTransport
from appliance.wire import NoticeMessage, RouteMessage, ServerMessage, Socket

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0


class SessionState(StrEnum):
    OFFERED = "offered"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionCallbacks:
    """Where sessions report to, and what they ask. Every callable returns at once.

    `opened` is called with each session once its pipeline runs. `expects_event` says whether a
    timer or an agent's task is yet to be announced in a conversation, by its id; `alarm_unheard`
    whether an alarm has rung that nobody heard. `record` opens a recording.
    """

    on_event: OnEvent
    gauges: Gauges
    malformed: Callable[[str], None]
    dropped: Callable[[str], None]
    engines: Callable[[], dict[str, str]]
    opened: Callable[["Session"], None]
    rerouted: Callable[[str], None]
    expects_event: Callable[[str], bool]
    record: OpenRecording
    alarm_unheard: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class LifetimeLimits:
    """Decides when a session has been idle, or open, for too long. Pure: times are arguments.

    A session in which an event is expected is not idle: its user waits to hear it.
    """

    limits: LimitsConfig
    began: float
    _expected_at: float = 0.0

    def exceeded(
        self, now: float, *, last_activity: float, event_expected: bool
    ) -> CloseReason | None:
        """The reason to end the session now, if there is one."""
        if event_expected:
            self._expected_at = now
        if now - max(last_activity, self._expected_at) > self.limits.idle_seconds:
            return CloseReason.IDLE
        return CloseReason.TOO_LONG if now - self.began > self.limits.session_seconds else None


class Session:
    """A session is offered, opened by `run`, and ended.

    `end` may be called at any time, and more than once.
    """

    def __init__(
        self,
        session_id: str,
        conversation_id: str,
        client_id: str,
        shared: SharedParts,
        callbacks: SessionCallbacks,
        options: SessionOptions,
        route: str = "local",
    ) -> None:
        self.session_id = session_id
        self.conversation_id = conversation_id
        self.client_id = client_id
        self.state = SessionState.OFFERED
        self.created_at = time.time()
        self.speaking = False
        self.released = asyncio.Event()
        self._shared = shared
        self._callbacks = callbacks
        self._system_prompt = options.system_prompt
        self._reason: CloseReason | None = None
        self._opened = False
        self._silent = asyncio.Event()
        self._silent.set()
        self._transport: SocketTransport | None = None
        self._routes = RouteRunner(
            shared, route, RouteCallbacks(self._on_started, self._on_rerouted, self.end)
        )
        self.recorder = Recorder(
            *(conversation_id, session_id, callbacks.on_event, callbacks.gauges, self.engines),
            route=route,
        )
        self.recording = SessionRecording(
            *(callbacks.record, session_id, conversation_id, self.send_message),
            changed=lambda on: self.recorder.emit(EventKind.RECORDING, on=on),
            say=lambda key: self.announce(phrases(self.tool_context.spoken_language).say(key)),
        )
        self._never_active = self.recorder.last_activity
        self.tool_context = SessionToolContext(
            *(conversation_id, session_id, client_id, shared, self.recorder),
            wishes=SpeechWishes(options.speech(shared.config)),
            own_voice=lambda: self.route != "realtime",
            stop_speaking=self.stop_speaking,
            recorded=self.recording,
            send_message=self.send_message,
        )

    @property
    def route(self) -> str:
        return self._routes.current

    def engines(self) -> dict[str, str]:
        """The engines that answer in this session, by kind."""
        if self.route == "realtime" and self._shared.realtime is not None:
            return {"realtime": self._shared.realtime.name}
        return self._callbacks.engines()

    @property
    def is_ending(self) -> bool:
        """Whether it was asked to end, and gives up its place."""
        return self._reason is not None

    @property
    def quiet_seconds(self) -> float:
        """The seconds since somebody spoke here; infinite where nobody ever has."""
        last = self.recorder.last_activity
        if self.speaking:
            return 0.0
        return math.inf if last == self._never_active else time.monotonic() - last

    @property
    def in_turn(self) -> bool:
        """Whether the user speaks, waits for an answer that may still come, or hears it."""
        busy = self.speaking or self.recorder.seconds_to_pause > 0
        return self.state is SessionState.OPEN and busy

    def stop_speaking(self) -> None:
        if self._transport:
            self._transport.interrupt()

    async def run(self, socket: Socket, history: Messages) -> None:
        """Serves the socket until either side is done; returns when everything is released."""
        self.state = SessionState.OPEN
        self._shared.prepare_language(self.tool_context.spoken_language)
        language = self.tool_context.language
        # A language that is detected is recorded with each transcript.
        known = None if language == "auto" else language
        self.recorder.session_started(client_id=self.client_id, language=known)
        messages: Any = history  # plain role and content, which Pipecat types more closely
        context = LLMContext(messages=messages)
        send_queue = SendQueue(socket, self._callbacks.dropped, self.recording.silenced)
        watching = asyncio.create_task(self._watch(), name=f"watch {self.session_id}")
        try:
            await self._serve(socket, send_queue, context)
            while self._reason is None:
                # The other route takes over, with the same socket and context.
                await self._serve(socket, send_queue, context)
        finally:
            watching.cancel()
            self.state = SessionState.ENDED
            await self.recording.end()
            reason = self._reason or CloseReason.FAILED
            self.recorder.session_ended(reason.value)
            if self._transport and reason is not CloseReason.CLIENT_LEFT:
                await self._transport.close(*CLOSE_FRAMES[reason])

    async def _serve(self, socket: Socket, send_queue: SendQueue, context: LLMContext) -> None:
        """Runs one pipeline, until the client, the session or it is done or the route changes."""
        callbacks = TransportCallbacks(
            malformed=self._callbacks.malformed,
            dropped=self._callbacks.dropped,
            audio_sent=self.recorder.audio_sent,
            disconnected=lambda: self.end(CloseReason.CLIENT_LEFT),
            heard=self.recording.heard,
            played=self.recording.played,
        )
        texts = self._shared.texts.of(self.conversation_id)
        self._transport = SocketTransport(socket, send_queue, callbacks, texts)
        parts = SessionParts(
            transport=self._transport,
            recorder=self.recorder,
            call_tool=ToolCaller(self._shared.registry, self.tool_context, self.recorder),
            voice=lambda: self.tool_context.voice,
            language=lambda: self.tool_context.language,
            wishes=self.tool_context.wishes,
            system_prompt=self._system_prompt,
            context=context,
            on_speaking=self._on_speaking,
        )
        try:
            await self._routes.run(parts)
        finally:
            # A pipeline that is cancelled in mid-sentence does not report the end of speech.
            self._on_speaking(False)

    async def _watch(self) -> None:
        """Ends the session at its limits, and returns to the preferred route between turns."""
        limits = LifetimeLimits(self._shared.config.limits, time.monotonic())
        while self._reason is None:
            await asyncio.sleep(CHECK_SECONDS)
            reason = limits.exceeded(
                time.monotonic(),
                last_activity=self.recorder.last_activity,
                event_expected=self._callbacks.expects_event(self.conversation_id),
            )
            if reason:
                self.end(reason)
            elif not self.in_turn:
                self._routes.return_to_preferred()

    def _on_started(self) -> None:
        self.send_route()
        if not self._opened:
            self._opened = True
            self._callbacks.opened(self)

    def _on_rerouted(self, notice: str) -> None:
        self.recorder.route = self.route
        self._callbacks.rerouted(self.route)
        self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=self.engines())
        self.send_message(NoticeMessage(notice))

    def end(self, reason: CloseReason) -> None:
        """Asks the session to end; the first reason counts."""
        if self._reason is None:
            self._reason = reason
            self._routes.stop()
            # Nobody hears the rest of the sentence, so nobody has to wait for it.
            self._silent.set()

    async def finish_speaking(self, seconds: float) -> None:
        """Waits until the assistant is silent, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._silent.wait()
        except TimeoutError:
            log.info("session %s was still speaking", self.session_id)

    def send_message(self, message: ServerMessage) -> None:
        """Sends the page a message; without effect while it is not connected."""
        if self._transport and self.state is SessionState.OPEN:
            self._transport.send_message(message)

    def engines_changed(self) -> None:
        """Other engines answer from now on: records it and shows it on the page."""
        if self.state is SessionState.OPEN:
            self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=self.engines())
            self.send_route()

    def send_route(self) -> None:
        """Shows on the page which route and engines answer, and whether words leave the box."""
        leaves = self._routes.leaves_the_box
        self.send_message(RouteMessage(self.route, self.engines(), leaves))

    async def wait_for_pause(self) -> None:
        """Returns when nobody has spoken and no answer been awaited for a moment."""
        while self.state is SessionState.OPEN:
            await self._silent.wait()
            if not (seconds := self.recorder.seconds_to_pause):
                return
            await asyncio.sleep(min(seconds, CHECK_SECONDS))

    async def announce(self, text: str, chime: bytes = b"", *, quoted: bool = False) -> bool:
        """Says something that the user did not ask for, after a sound (24 kHz PCM), if any.

        False where the session cannot be heard, yet or any longer. `quoted` text is somebody
        else's and is kept from the language model.
        """
        sound = [OutputAudioRawFrame(chime, OUTPUT_RATE, 1)] if chime else []
        sentence = TTSSpeakFrame(text, append_to_context=not quoted)
        if not await self._routes.queue(*sound, sentence):
            return False
        self.recorder.answer_text = text
        return True

    def _on_speaking(self, speaking: bool) -> None:
        self.speaking = speaking
        if speaking:
            self._silent.clear()
        else:
            self._silent.set()
