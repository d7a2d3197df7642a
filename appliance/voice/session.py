"""One live connection of one client, from accept to close. Used once."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipecat.frames.frames import Frame, OutputAudioRawFrame, TTSSpeakFrame
from pipecat.workers.runner import WorkerRunner

from appliance.conversation import EventKind, OnEvent
from appliance.engines import OUTPUT_RATE, Voice
from appliance.voice.context import Messages
from appliance.voice.intents import ToolCaller
from appliance.voice.pipeline import Individual, Shared, build
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.transport import (
    CLOSE_GOING_AWAY,
    CLOSE_NORMAL,
    Socket,
    SocketTransport,
    TransportEvents,
)

log = logging.getLogger(__name__)

IDLE_CHECK_SECONDS = 1.0
START_SECONDS = 5.0  # it takes milliseconds; a pipeline that hangs is cancelled all the same


class State(StrEnum):
    OFFERED = "offered"
    OPEN = "open"
    ENDED = "ended"


class End(StrEnum):
    """Why a session ended; the value is recorded and, where the client is told, sent."""

    CLIENT_LEFT = "client_left"
    HUNG_UP = "hung_up"
    IDLE = "idle"
    TOO_LONG = "too_long"
    SHUTDOWN = "shutdown"
    REVOKED = "revoked"
    FAILED = "failed"


# What the page is told. After 1000 it stays away and shows the sentence; after any other code
# it comes back by itself and joins the same conversation.
_GOODBYES = {
    End.HUNG_UP: (CLOSE_NORMAL, "The conversation was ended."),
    End.IDLE: (CLOSE_NORMAL, "Nobody has spoken for a while."),
    End.TOO_LONG: (CLOSE_NORMAL, "This session has reached its longest time."),
    End.SHUTDOWN: (CLOSE_GOING_AWAY, "The appliance is restarting."),
    End.REVOKED: (4401, "This browser is no longer paired."),
    End.FAILED: (1011, "The session failed."),
}


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
        self._reason: End | None = None
        self._started = asyncio.Event()
        self._ending = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._transport: SocketTransport | None = None
        self._runner: WorkerRunner | None = None
        self._queue: Callable[[Frame], Any] | None = None
        endpoint = shared.endpoint
        self.recorder = Recorder(
            conversation_id,
            session_id,
            reports.on_event,
            reports.gauges,
            reports.engines,
            left_the_box=endpoint is not None and endpoint.left_the_box,
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

    def stop_speaking(self) -> None:
        if self._transport:
            self._transport.interrupt()

    async def run(self, socket: Socket, history: Messages) -> None:
        """Serves the socket until either side is done; returns when everything is released."""
        self.state = State.OPEN
        reports = self._reports
        self._transport = SocketTransport(
            socket,
            TransportEvents(
                malformed=reports.malformed,
                dropped=reports.dropped,
                audio_sent=self.recorder.audio_sent,
                disconnected=lambda: self.end(End.CLIENT_LEFT),
            ),
        )
        self.recorder.emit(
            EventKind.SESSION_STARTED,
            client_id=self.client_id,
            route=self.route,
            engines=self._reports.engines(),
            language=self.language,
        )
        try:
            await self._serve(self._transport, history)
        finally:
            self.state = State.ENDED
            why = self._reason or End.FAILED
            self.recorder.emit(EventKind.SESSION_ENDED, reason=why.value)
            if why is not End.CLIENT_LEFT:
                await self._transport.close(*_GOODBYES[why])

    async def _serve(self, transport: SocketTransport, history: Messages) -> None:
        config = self._shared.config
        worker = build(
            self._shared,
            Individual(
                transport=transport,
                recorder=self.recorder,
                call=ToolCaller(self._shared.registry, self, self.recorder),
                voice=self._voice,
                language=self.language,
                system_prompt=self._wishes.system_prompt or config.llm.system_prompt,
                history=history,
                speaking=self._on_speaking,
            ),
        )
        self._queue = worker.queue_frame

        @worker.event_handler("on_pipeline_started")
        async def started(*_args: object) -> None:
            self._started.set()
            self.tell_route()
            self._reports.opened(self)

        # One runner per session: a runner keeps every worker it ever ran.
        runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
        await runner.add_workers(worker)
        ending = asyncio.create_task(self._watch(runner), name=f"watch {self.session_id}")
        try:
            await runner.run()
            self.end(End.HUNG_UP)
        finally:
            self._queue = None
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _watch(self, runner: WorkerRunner) -> None:
        """Ends the session when it is asked to, idle for too long, or too long altogether."""
        limits = self._shared.config.limits
        opened = time.monotonic()
        while not self._ending.is_set():
            try:
                async with asyncio.timeout(IDLE_CHECK_SECONDS):
                    await self._ending.wait()
            except TimeoutError:
                now = time.monotonic()
                if now - self.recorder.last_activity > limits.idle_seconds:
                    self.end(End.IDLE)
                elif now - opened > limits.session_seconds:
                    self.end(End.TOO_LONG)
        # What is cancelled while it starts leaves behind what had started already.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._started.wait()
        await runner.cancel(reason=self._reason)

    def end(self, reason: End) -> None:
        """Asks the session to end; the first reason counts."""
        if self._reason is None:
            self._reason = reason
            self._ending.set()
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
            engines = self._reports.engines()
            self.recorder.emit(EventKind.ROUTE_CHANGED, route=self.route, engines=engines)
            self.tell_route()

    def tell_route(self) -> None:
        """Tells the page which route and engines answer, and whether words leave the box."""
        self.tell(
            {
                "type": "route",
                "route": self.route,
                "engines": self._reports.engines(),
                "left_the_box": self.recorder.left_the_box,
            }
        )

    async def announce(self, text: str, chime: bytes = b"") -> bool:
        """Says something the user did not just ask for, after an optional sound (24 kHz PCM).

        False where nobody is there yet, or any longer, to hear it.
        """
        if self._queue is None:
            return False
        if chime:
            await self._queue(OutputAudioRawFrame(chime, OUTPUT_RATE, 1))
        await self._queue(TTSSpeakFrame(text))
        return True

    def _on_speaking(self, speaking: bool) -> None:
        self.speaking = speaking
        if speaking:
            self._quiet.clear()
        else:
            self._quiet.set()

    def _voice(self) -> Voice:
        tts = self._shared.config.tts
        return Voice(self._wishes.voice or tts.voice, self.language, tts.speed)
