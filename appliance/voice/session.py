"""One live connection of one client, from accept to close. Used once."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from pipecat.frames.frames import Frame, LLMRunFrame, OutputAudioRawFrame, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.workers.runner import WorkerRunner

from appliance.conversation import EventKind, OnEvent
from appliance.engines import OUTPUT_RATE, Voice
from appliance.tools import Speech
from appliance.voice.context import Messages
from appliance.voice.ending import GOODBYES, End
from appliance.voice.failover import Routes, Unanswered
from appliance.voice.intents import ToolCaller, last_question
from appliance.voice.pipeline import Individual, Shared, build
from appliance.voice.realtime_pipeline import build_realtime
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.socket import Socket, TransportEvents
from appliance.voice.transport import SocketTransport

log = logging.getLogger(__name__)

IDLE_CHECK_SECONDS = 1.0
PAUSE_SECONDS = 1.0  # of silence on both sides, before something unasked is said
ANSWER_SECONDS = 10.0  # for which a question waits for its answer before it counts as silence
GONE_FAR = "What is on this device cannot answer, so a service outside it does."
BACK_HERE = "This device answers by itself again."
START_SECONDS = 5.0  # it takes milliseconds; a pipeline that hangs is cancelled all the same


class State(StrEnum):
    OFFERED = "offered"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client asked for when it created the session; empty means the configured default."""

    voice: str = ""
    language: str = ""
    system_prompt: str = ""


@dataclass(frozen=True, slots=True)
class Reports:
    """Where a session reports to. Every callable returns at once."""

    on_event: OnEvent
    gauges: Gauges
    malformed: Callable[[str], None]
    dropped: Callable[[str], None]
    engines: Callable[[], dict[str, str]]
    opened: Callable[["Session"], None]
    rerouted: Callable[[str], None]


class Session:
    """A session is offered, opened by `run`, and ended; `end` may come at any time, and twice."""

    def __init__(
        self,
        session_id: str,
        conversation_id: str,
        client_id: str,
        shared: Shared,
        reports: Reports,
        wishes: Wishes,
        route: str = "local",
    ) -> None:
        self.session_id = session_id
        self.conversation_id = conversation_id
        self.client_id = client_id
        self.state = State.OFFERED
        self.created_at = time.time()
        self.speaking = False
        self.released = asyncio.Event()
        self._shared = shared
        self._reports = reports
        self._wishes = wishes
        self._speech: Speech | None = None
        self._reason: End | None = None
        self._opened = False
        self._began = time.monotonic()
        self._leaving = asyncio.Event()
        self._routes = Routes(route, shared.routes)
        self._unanswered: Unanswered | None = None
        self._to_tell = ""
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._transport: SocketTransport | None = None
        self._queue: Callable[[Frame], Any] | None = None
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
        return self.recorder.route

    @property
    def leaves_the_box(self) -> bool:
        """Whether what is said would leave the appliance now."""
        if self.route == "realtime":
            return self._shared.realtime is not None and self._shared.realtime.left_the_box
        models = self._shared.models
        return models is not None and models.current.left_the_box

    def engines(self) -> dict[str, str]:
        """What answers in this session, by kind."""
        if self.route == "realtime" and self._shared.realtime is not None:
            return {"realtime": self._shared.realtime.name}
        return self._reports.engines()

    @property
    def in_turn(self) -> bool:
        """Whether somebody speaks, waits for an answer that may still come, or hears it."""
        return self.state is State.OPEN and (self.speaking or self.recorder.in_turn)

    @property
    def speech(self) -> Speech:
        tts = self._shared.config.tts
        return self._speech or Speech(self._wishes.voice or tts.voice, self.language, tts.speed)

    @property
    def voices(self) -> tuple[str, ...]:
        return self._shared.engines.synthesizer.voices

    def speak_as(self, speech: Speech) -> None:
        """Speaks like this from the next sentence on; an empty voice is the language's own."""
        self._wishes = replace(self._wishes, language=speech.language)
        self._speech = speech

    def stop_speaking(self) -> None:
        if self._transport:
            self._transport.interrupt()

    async def run(self, socket: Socket, history: Messages) -> None:
        """Serves the socket until either side is done; returns when everything is released."""
        self.state = State.OPEN
        self._began = time.monotonic()
        self.recorder.emit(
            EventKind.SESSION_STARTED,
            client_id=self.client_id,
            route=self.route,
            engines=self.engines(),
            language=self.language,
        )
        messages: Any = history  # plain role and content, which Pipecat types more closely
        context = LLMContext(messages=messages)
        transport = self._transport = self._connected(socket)
        try:
            await self._serve(transport, context)
            while self._reason is None:
                # The other route takes over, on the same socket, with all that was said.
                transport = self._transport = self._connected(socket)
                await self._serve(transport, context)
        finally:
            self.state = State.ENDED
            why = self._reason or End.FAILED
            self.recorder.emit(EventKind.SESSION_ENDED, reason=why.value)
            if why is not End.CLIENT_LEFT:
                await transport.close(*GOODBYES[why])

    def _connected(self, socket: Socket) -> SocketTransport:
        reports = self._reports
        return SocketTransport(
            socket,
            TransportEvents(
                malformed=reports.malformed,
                dropped=reports.dropped,
                audio_sent=self.recorder.audio_sent,
                disconnected=lambda: self.end(End.CLIENT_LEFT),
            ),
        )

    async def _serve(self, transport: SocketTransport, context: LLMContext) -> None:
        """Runs the pipeline of the route of the moment until it ends or the route changes."""
        self._leaving, started = asyncio.Event(), asyncio.Event()
        if self._reason is not None:
            # Asked to end while one route gave way to the other, or before there was any.
            self._leaving.set()
        unanswered, self._unanswered = self._unanswered, None
        said, self._to_tell = self._to_tell, ""
        make = build_realtime if self.route == "realtime" else build
        worker = make(
            self._shared,
            Individual(
                transport=transport,
                recorder=self.recorder,
                call=ToolCaller(self._shared.registry, self, self.recorder),
                voice=lambda: self.voice,
                language=lambda: self.language,
                system_prompt=self._wishes.system_prompt,
                context=context,
                speaking=self._on_speaking,
                failed=partial(self._failed, context),
                unanswered=unanswered,
                told=said,
            ),
        )
        self._queue = worker.queue_frame

        @worker.event_handler("on_pipeline_started")
        async def begin(*_args: object) -> None:
            started.set()
            self.tell_route()
            if not self._opened:
                self._opened = True
                self._reports.opened(self)
            if said and self.route == "local":
                await worker.queue_frame(TTSSpeakFrame(said, append_to_context=False))
            if unanswered and self.route == "local":
                # Its last words are in the context already.
                await worker.queue_frame(LLMRunFrame())

        # One runner per pipeline: a runner keeps every worker it ever ran.
        runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
        await runner.add_workers(worker)
        ending = asyncio.create_task(self._watch(runner, started), name=f"watch {self.session_id}")
        try:
            await runner.run()
            if not self._leaving.is_set():
                self.end(End.HUNG_UP)
        finally:
            self._queue = None
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _watch(self, runner: WorkerRunner, started: asyncio.Event) -> None:
        """Ends the pipeline when it is left, or nobody speaks for too long, or too long at all."""
        limits = self._shared.config.limits
        while not self._leaving.is_set():
            try:
                async with asyncio.timeout(IDLE_CHECK_SECONDS):
                    await self._leaving.wait()
            except TimeoutError:
                now = time.monotonic()
                if now - self.recorder.last_activity > limits.idle_seconds:
                    self.end(End.IDLE)
                elif now - self._began > limits.session_seconds:
                    self.end(End.TOO_LONG)
                elif not self.in_turn and self._routes.comes_back(now):
                    self._change_route(None)
        # What is cancelled while it starts leaves behind what had started already.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await started.wait()
        await runner.cancel(reason=self._reason)

    def _failed(self, context: LLMContext, unanswered: Unanswered) -> bool:
        """This route cannot answer; True where the other one does, from what was heard already."""
        if self._leaving.is_set() or not self._routes.failed(time.monotonic()):
            if self.route == "realtime":
                self.end(End.UNREACHABLE)
            return self._leaving.is_set()
        question = unanswered.question or last_question(context)
        self._change_route(replace(unanswered, question=question))
        return True

    def _change_route(self, unanswered: Unanswered | None) -> None:
        """Leaves the pipeline for that of the route that counts now, and tells everybody."""
        self._unanswered = unanswered
        self.recorder.route = self._routes.current
        self._reports.rerouted(self.route)
        self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=self.engines())
        said = GONE_FAR if self.route == "realtime" else BACK_HERE
        self.tell({"type": "notice", "message": said, "advice": ""})
        self._to_tell = said
        self._leaving.set()

    def end(self, reason: End) -> None:
        """Asks the session to end; the first reason counts."""
        if self._reason is None:
            self._reason = reason
            self._leaving.set()
            # Who has left hears no end of the sentence, and nobody has to wait for it.
            self._quiet.set()

    async def finish_speaking(self, seconds: float) -> None:
        """Waits until the assistant is silent, `seconds` at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            log.info("session %s was still speaking", self.session_id)

    def tell(self, data: dict[str, Any]) -> None:
        """Sends the page one of our own messages; without effect while nobody is connected."""
        if self._transport and self.state is State.OPEN:
            self._transport.tell(data)

    def route_changed(self) -> None:
        """Another engine answers from here on."""
        if self.state is State.OPEN:
            self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=self.engines())
            self.tell_route()

    def tell_route(self) -> None:
        """Tells the page which route and engines answer, and whether words leave the box."""
        self.tell(
            {
                "type": "route",
                "route": self.route,
                "engines": self.engines(),
                "left_the_box": self.leaves_the_box,
            }
        )

    async def pause(self) -> None:
        """Returns when nobody has spoken and no answer been waited for, for a moment."""
        while self.state is State.OPEN:
            await self._quiet.wait()
            enough = ANSWER_SECONDS if self.recorder.answer_awaited else PAUSE_SECONDS
            silent = time.monotonic() - self.recorder.last_activity
            if silent >= enough:
                return
            await asyncio.sleep(min(enough - silent, PAUSE_SECONDS))

    async def announce(self, text: str, chime: bytes = b"", *, quoted: bool = False) -> bool:
        """Says something the user did not just ask for, after an optional sound (24 kHz PCM).

        False where nobody is there yet, or any longer, to hear it. `quoted` words are not the
        assistant's own, and kept from the language model.
        """
        if self._queue is None:
            return False
        self.recorder.saying = text
        if chime:
            await self._queue(OutputAudioRawFrame(chime, OUTPUT_RATE, 1))
        await self._queue(TTSSpeakFrame(text, append_to_context=not quoted))
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
