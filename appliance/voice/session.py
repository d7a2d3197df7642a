"""One live connection of one client, from accept to close. Used once."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pipecat.frames.frames import OutputAudioRawFrame, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext

from appliance.audio.format import OUTPUT_RATE
from appliance.config.schema import LimitsConfig
from appliance.conversation import EventKind, OnEvent
from appliance.engines import Voice
from appliance.llm.context import Messages
from appliance.tools import Speech
from appliance.voice.close_reason import CLOSE_FRAMES, CloseReason
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.route_runner import RouteCallbacks, RouteRunner
from appliance.voice.services.tool_caller import ToolCaller
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
class SessionOptions:
    """What a client asked for when it created the session; empty means the configured default."""

    voice: str = ""
    language: str = ""
    system_prompt: str = ""


@dataclass(frozen=True, slots=True)
class SessionCallbacks:
    """Where a session reports to, and what it asks. Every callable returns at once.

    `expects_event` tells whether a timer or an agent's task is yet to be announced in a
    conversation, by its id.
    """

    on_event: OnEvent
    gauges: Gauges
    malformed: Callable[[str], None]
    dropped: Callable[[str], None]
    engines: Callable[[], dict[str, str]]
    opened: Callable[["Session"], None]
    rerouted: Callable[[str], None]
    expects_event: Callable[[str], bool]


@dataclass(slots=True)
class LifetimeLimits:
    """Decides when a session has been idle, or open, for too long. Pure: times are arguments.

    A session in which an event is expected is not idle: the user waits to hear it.
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
    """A session is offered, opened by `run`, and ended; `end` may come at any time, and twice."""

    def __init__(
        self,
        session_id: str,
        conversation_id: str,
        client_id: str,
        shared: SharedParts,
        reports: SessionCallbacks,
        wishes: SessionOptions,
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
        self._reports = reports
        self._wishes = wishes
        self._speech: Speech | None = None
        self._reason: CloseReason | None = None
        self._opened = False
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._transport: SocketTransport | None = None
        self._answering = RouteRunner(
            shared, route, RouteCallbacks(self._on_started, self._on_rerouted, self.end)
        )
        self.recorder = Recorder(
            conversation_id,
            session_id,
            reports.on_event,
            reports.gauges,
            self.engines,
            route=route,
        )

    @property
    def language(self) -> str:
        return self._wishes.language or self._shared.config.stt.language

    @property
    def last_answer(self) -> str:
        return self.recorder.last_answer

    @property
    def route(self) -> str:
        return self._answering.route

    def engines(self) -> dict[str, str]:
        """What answers in this session, by kind."""
        if self.route == "realtime" and self._shared.realtime is not None:
            return {"realtime": self._shared.realtime.name}
        return self._reports.engines()

    @property
    def in_turn(self) -> bool:
        """Whether somebody speaks, waits for an answer that may still come, or hears it."""
        return self.state is SessionState.OPEN and (
            self.speaking or self.recorder.seconds_to_pause > 0
        )

    @property
    def speech(self) -> Speech:
        tts = self._shared.config.tts
        return self._speech or Speech(self._wishes.voice or tts.voice, self.language, tts.speed)

    @property
    def voices(self) -> tuple[str, ...]:
        return self._shared.engines.tts.current.voices

    def speak_as(self, speech: Speech) -> None:
        """Speaks like this from the next sentence on; an empty voice is the language's own."""
        self._wishes = replace(self._wishes, language=speech.language)
        self._speech = speech

    def stop_speaking(self) -> None:
        if self._transport:
            self._transport.interrupt()

    async def run(self, socket: Socket, history: Messages) -> None:
        """Serves the socket until either side is done; returns when everything is released."""
        self.state = SessionState.OPEN
        self.recorder.emit(
            EventKind.SESSION_STARTED,
            client_id=self.client_id,
            route=self.route,
            engines=self.engines(),
            # What is to be found out is told with the words.
            language=None if self.language == "auto" else self.language,
        )
        messages: Any = history  # plain role and content, which Pipecat types more closely
        context = LLMContext(messages=messages)
        send_queue = SendQueue(socket, self._reports.dropped)
        watching = asyncio.create_task(self._watch(), name=f"watch {self.session_id}")
        try:
            await self._serve(socket, send_queue, context)
            while self._reason is None:
                # The other route takes over, on the same socket, with all that was said.
                await self._serve(socket, send_queue, context)
        finally:
            watching.cancel()
            self.state = SessionState.ENDED
            why = self._reason or CloseReason.FAILED
            self.recorder.session_ended(why.value)
            if self._transport and why is not CloseReason.CLIENT_LEFT:
                await self._transport.close(*CLOSE_FRAMES[why])

    async def _serve(self, socket: Socket, send_queue: SendQueue, context: LLMContext) -> None:
        """Until the client, the session or its pipeline is done, or the route changes."""
        reports = self._reports
        callbacks = TransportCallbacks(
            malformed=reports.malformed,
            dropped=reports.dropped,
            audio_sent=self.recorder.audio_sent,
            disconnected=lambda: self.end(CloseReason.CLIENT_LEFT),
        )
        self._transport = SocketTransport(socket, send_queue, callbacks)
        one = SessionParts(
            transport=self._transport,
            recorder=self.recorder,
            call_tool=ToolCaller(self._shared.registry, self, self.recorder),
            voice=lambda: self.voice,
            language=lambda: self.language,
            system_prompt=self._wishes.system_prompt,
            context=context,
            on_speaking=self._on_speaking,
        )
        try:
            await self._answering.serve(one)
        finally:
            # A pipeline that is cancelled in mid-sentence does not say that it fell silent.
            self._on_speaking(False)

    async def _watch(self) -> None:
        """Ends the session at its limits; takes the preferred route again between turns."""
        limits = LifetimeLimits(self._shared.config.limits, time.monotonic())
        while self._reason is None:
            await asyncio.sleep(CHECK_SECONDS)
            reason = limits.exceeded(
                time.monotonic(),
                last_activity=self.recorder.last_activity,
                event_expected=self._reports.expects_event(self.conversation_id),
            )
            if reason:
                self.end(reason)
            elif not self.in_turn:
                self._answering.come_back()

    def _on_started(self) -> None:
        self.send_route()
        if not self._opened:
            self._opened = True
            self._reports.opened(self)

    def _on_rerouted(self, said: str) -> None:
        self.recorder.route = self.route
        self._reports.rerouted(self.route)
        self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=self.engines())
        self.send_message(NoticeMessage(said))

    def end(self, reason: CloseReason) -> None:
        """Asks the session to end; the first reason counts."""
        if self._reason is None:
            self._reason = reason
            self._answering.leave()
            # Who has left hears no end of the sentence, and nobody has to wait for it.
            self._quiet.set()

    async def finish_speaking(self, seconds: float) -> None:
        """Waits until the assistant is silent, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            log.info("session %s was still speaking", self.session_id)

    def send_message(self, message: ServerMessage) -> None:
        """Sends the page a message; without effect while it is not connected."""
        if self._transport and self.state is SessionState.OPEN:
            self._transport.send_message(message)

    def route_changed(self) -> None:
        """Another engine answers from here on."""
        if self.state is SessionState.OPEN:
            self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=self.engines())
            self.send_route()

    def send_route(self) -> None:
        """Shows on the page which route and engines answer, and whether words leave the box."""
        leaves = self._answering.leaves_the_box
        self.send_message(RouteMessage(self.route, self.engines(), leaves))

    async def pause(self) -> None:
        """Returns when nobody has spoken and no answer been waited for, for a moment."""
        while self.state is SessionState.OPEN:
            await self._quiet.wait()
            if not (rest := self.recorder.seconds_to_pause):
                return
            await asyncio.sleep(min(rest, CHECK_SECONDS))

    async def announce(self, text: str, chime: bytes = b"", *, quoted: bool = False) -> bool:
        """Says something the user did not just ask for, after an optional sound (24 kHz PCM).

        False where nobody is there yet, or any longer, to hear it. `quoted` words are not the
        assistant's own, and kept from the language model.
        """
        sound = [OutputAudioRawFrame(chime, OUTPUT_RATE, 1)] if chime else []
        words = TTSSpeakFrame(text, append_to_context=not quoted)
        if not await self._answering.queue(*sound, words):
            return False
        self.recorder.answer_text = text
        return True

    def _on_speaking(self, speaking: bool) -> None:
        self.speaking = speaking
        if speaking:
            self._quiet.clear()
        else:
            self._quiet.set()

    @property
    def voice(self) -> Voice:
        """The voice of the moment; where the user's language is to be found out, in that."""
        speech = self.speech
        heard = self.recorder.language or "en"
        language = heard if speech.language == "auto" else speech.language
        return Voice(speech.voice, language, speech.speed)
