"""Runs the pipelines of one session, one after the other: local or realtime.

The session keeps the connection and the context. The pipeline of the next route is given the
question that the one before could not answer.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from pipecat.frames.frames import Frame
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

from appliance.voice.close_reason import CloseReason
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.pipeline import build
from appliance.voice.realtime.pipeline import build_realtime
from appliance.voice.routing import RouteChoice, Unanswered
from appliance.voice.services.intent_router import last_question

REALTIME_NOTICE = "This device cannot answer, so a service outside it does."
LOCAL_NOTICE = "This device answers by itself again."
START_SECONDS = 5.0  # it takes milliseconds; a pipeline that hangs is cancelled all the same


@dataclass(frozen=True, slots=True)
class RouteCallbacks:
    """What becomes of the pipelines of a session. Every callable returns at once.

    `rerouted` gets a notice for the user.
    """

    started: Callable[[], None]
    rerouted: Callable[[str], None]
    ended: Callable[[CloseReason], None]


class RouteRunner:
    """One session's pipelines. `run` is called again for each, until `stop` is called."""

    def __init__(self, shared: SharedParts, route: str, callbacks: RouteCallbacks) -> None:
        self._shared = shared
        self._callbacks = callbacks
        self._choice = RouteChoice(route, shared.routes)
        self._leaving = asyncio.Event()
        self._stopped = False
        self._unanswered: Unanswered | None = None
        self._notice = ""
        self._queue: Callable[[Frame], Awaitable[None]] | None = None

    @property
    def current(self) -> str:
        """The route that answers: local or realtime."""
        return self._choice.current

    @property
    def leaves_the_box(self) -> bool:
        """Whether what is said now leaves the appliance."""
        if self.current == "realtime":
            return self._shared.realtime is not None and self._shared.realtime.left_the_box
        llm = self._shared.llm
        return llm is not None and llm.current.left_the_box

    async def run(self, parts: SessionParts) -> None:
        """Runs the pipeline of the current route until the route changes or it ends by itself."""
        if not self._stopped:
            self._leaving.clear()
        started = asyncio.Event()
        worker = self._build(parts)
        self._queue = worker.queue_frame

        @worker.event_handler("on_pipeline_started")
        async def begin(*_args: object) -> None:
            started.set()
            self._callbacks.started()

        # One runner per pipeline: a runner keeps every worker it ever ran.
        runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
        await runner.add_workers(worker)
        leaving = asyncio.create_task(self._cancel_when_leaving(runner, started))
        try:
            await runner.run()
            if not self._leaving.is_set():
                self._callbacks.ended(CloseReason.HUNG_UP)
        finally:
            self._queue = None
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    def _build(self, parts: SessionParts) -> PipelineWorker:
        """The pipeline of the current route, with what the one before left to say and answer."""
        unanswered, self._unanswered = self._unanswered, None
        notice, self._notice = self._notice, ""
        build_route = build_realtime if self.current == "realtime" else build
        reroute = partial(self.reroute, parts)
        return build_route(
            self._shared, replace(parts, reroute=reroute, unanswered=unanswered, notice=notice)
        )

    async def _cancel_when_leaving(self, runner: WorkerRunner, started: asyncio.Event) -> None:
        await self._leaving.wait()
        # A pipeline that is cancelled while it starts leaves behind what has started already.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await started.wait()
        await runner.cancel()

    async def queue(self, *frames: Frame) -> bool:
        """Queues frames into the running pipeline; False where there is none."""
        queue = self._queue
        if queue is None or self._stopped:
            return False
        for frame in frames:
            await queue(frame)
        return True

    def stop(self) -> None:
        """Ends the pipeline; no other one follows it."""
        self._stopped = True
        self._leaving.set()

    def reroute(self, parts: SessionParts, unanswered: Unanswered | None) -> bool:
        """The current route cannot answer; True where the other route takes its place.

        `unanswered` is None where the route fails while no answer is awaited.
        """
        if self._leaving.is_set():
            return True
        if not self._choice.switch_after_failure(time.monotonic()):
            if self.current == "realtime":
                self._callbacks.ended(CloseReason.UNREACHABLE)
            return self._leaving.is_set()
        if unanswered is None or (unanswered == Unanswered() and not parts.recorder.turn):
            # Nothing has been asked in this session, whatever was said in earlier ones.
            self._leave(None)
        else:
            question = unanswered.question or last_question(parts.context)
            self._leave(replace(unanswered, question=question))
        return True

    def return_to_preferred(self) -> None:
        """Returns to the preferred route where it was left and its pause is over."""
        if not self._leaving.is_set() and self._choice.return_if_due(time.monotonic()):
            self._leave(None)

    def _leave(self, unanswered: Unanswered | None) -> None:
        self._unanswered = unanswered
        self._notice = REALTIME_NOTICE if self.current == "realtime" else LOCAL_NOTICE
        self._callbacks.rerouted(self._notice)
        self._leaving.set()
