"""What answers a session: the pipeline of the route of the moment, and the change to the other.

The session has the connection; here is what stands behind it. Whoever asks next on the other
route knows all that was said, and answers what was not answered.
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
from appliance.voice.routing import Routes, Unanswered
from appliance.voice.services.intent_router import last_question

GONE_FAR = "What is on this device cannot answer, so a service outside it does."
BACK_HERE = "This device answers by itself again."
START_SECONDS = 5.0  # it takes milliseconds; a pipeline that hangs is cancelled all the same


@dataclass(frozen=True, slots=True)
class RouteCallbacks:
    """Who is told, without waiting, what becomes of the pipelines of a session."""

    started: Callable[[], None]
    rerouted: Callable[[str], None]
    """In words for the user."""
    ended: Callable[[CloseReason], None]


class RouteRunner:
    """One session's pipelines, one after the other, until it is told to `leave`."""

    def __init__(self, shared: SharedParts, route: str, told: RouteCallbacks) -> None:
        self._shared = shared
        self._told = told
        self._routes = Routes(route, shared.routes)
        self._left = asyncio.Event()
        self._for_good = False
        self._unanswered: Unanswered | None = None
        self._to_say = ""
        self._queue: Callable[[Frame], Awaitable[None]] | None = None

    @property
    def route(self) -> str:
        return self._routes.current

    @property
    def leaves_the_box(self) -> bool:
        """Whether what is said would leave the appliance now."""
        if self.route == "realtime":
            return self._shared.realtime is not None and self._shared.realtime.left_the_box
        models = self._shared.llm
        return models is not None and models.current.left_the_box

    async def serve(self, one: SessionParts) -> None:
        """Runs the pipeline of the route of the moment until it is left or ends by itself."""
        if not self._for_good:
            self._left.clear()
        started = asyncio.Event()
        worker = self._worker(one)
        self._queue = worker.queue_frame

        @worker.event_handler("on_pipeline_started")
        async def begin(*_args: object) -> None:
            started.set()
            self._told.started()

        # One runner per pipeline: a runner keeps every worker it ever ran.
        runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
        await runner.add_workers(worker)
        leaving = asyncio.create_task(self._cancel_once_left(runner, started))
        try:
            await runner.run()
            if not self._left.is_set():
                self._told.ended(CloseReason.HUNG_UP)
        finally:
            self._queue = None
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    def _worker(self, one: SessionParts) -> PipelineWorker:
        """Made for what the route before it has left to say and to answer."""
        unanswered, self._unanswered = self._unanswered, None
        to_say, self._to_say = self._to_say, ""
        reroute = partial(self.failed, one)
        one = replace(one, reroute=reroute, unanswered=unanswered, notice=to_say)
        make = build_realtime if self.route == "realtime" else build
        return make(self._shared, one)

    async def _cancel_once_left(self, runner: WorkerRunner, started: asyncio.Event) -> None:
        await self._left.wait()
        # What is cancelled while it starts leaves behind what had started already.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await started.wait()
        await runner.cancel()

    async def queue(self, *frames: Frame) -> bool:
        """Has the pipeline take frames; False where there is none, nor will be."""
        queue = self._queue
        if queue is None or self._for_good:
            return False
        for frame in frames:
            await queue(frame)
        return True

    def leave(self) -> None:
        """Ends the pipeline; none follows it."""
        self._for_good = True
        self._left.set()

    def failed(self, one: SessionParts, unanswered: Unanswered | None) -> bool:
        """This route cannot answer; True where the other one does, from what was heard already.

        None for `unanswered`: it fails while nobody waits for an answer.
        """
        if self._left.is_set():
            return True
        if not self._routes.failed(time.monotonic()):
            if self.route == "realtime":
                self._told.ended(CloseReason.UNREACHABLE)
            return self._left.is_set()
        if unanswered is None or (unanswered == Unanswered() and not one.recorder.turn):
            # Nobody has asked anything yet, whatever was said in earlier sessions.
            self._change(None)
        else:
            question = unanswered.question or last_question(one.context)
            self._change(replace(unanswered, question=question))
        return True

    def come_back(self) -> None:
        """Takes the preferred route again where it was left and its time has come."""
        if not self._left.is_set() and self._routes.comes_back(time.monotonic()):
            self._change(None)

    def _change(self, unanswered: Unanswered | None) -> None:
        self._unanswered = unanswered
        self._to_say = GONE_FAR if self.route == "realtime" else BACK_HERE
        self._told.rerouted(self._to_say)
        self._left.set()
