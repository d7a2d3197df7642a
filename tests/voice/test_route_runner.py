"""A change of the route passes on what was not answered, and is reported."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.filters.identity_filter import IdentityFilter

from appliance.config.loader import load
from appliance.voice import route_runner
from appliance.voice.close_reason import CloseReason
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.realtime.route import RealtimeRoute
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.route_runner import LOCAL_NOTICE, REALTIME_NOTICE, RouteCallbacks, RouteRunner
from appliance.voice.routing import Unanswered

nothing: Any = None


@dataclass
class Run:
    """A RouteRunner whose pipelines do nothing, and what it reports."""

    route: str
    built: list[tuple[str, SessionParts]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    reasons: list[CloseReason] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    serving: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        config = load((), {})
        far = RealtimeRoute(config.realtime, "", "key")
        shared = SharedParts(config, nothing, nothing, nothing, None, far)
        callbacks = RouteCallbacks(self.started.set, self.notices.append, self.ended)
        self.runner = RouteRunner(shared, self.route, callbacks)
        self.context = LLMContext()
        gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
        self.recorder = Recorder("c", "s", lambda event: None, gauges, dict)
        self.one = SessionParts(
            transport=nothing,
            recorder=self.recorder,
            call_tool=nothing,
            voice=nothing,
            language=nothing,
            wishes=nothing,
            system_prompt="",
            context=self.context,
            on_speaking=nothing,
        )

    def ended(self, reason: CloseReason) -> None:
        self.reasons.append(reason)
        self.runner.stop()

    def pipeline(self, shared: SharedParts, one: SessionParts) -> PipelineWorker:
        self.built.append((self.runner.current, one))
        return PipelineWorker(Pipeline([IdentityFilter()]), idle_timeout_secs=None)

    async def serve(self) -> "asyncio.Task[None]":
        """The next pipeline, once it runs."""
        self.started.clear()
        self.serving = asyncio.create_task(self.runner.run(self.one))
        await self.started.wait()
        return self.serving


@pytest_asyncio.fixture(params=["local", "realtime"])
async def run(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Run]:
    run = Run(request.param)
    monkeypatch.setattr(route_runner, "build", run.pipeline)
    monkeypatch.setattr(route_runner, "build_realtime", run.pipeline)
    yield run
    run.runner.stop()
    if run.serving is not None:
        await run.serving


async def test_the_other_route_gets_the_open_question(run: Run) -> None:
    serving = await run.serve()
    run.context.add_message({"role": "user", "content": "how far is the moon"})
    _, first = run.built[0]
    assert first.reroute(Unanswered(audio=b"\1\0"))
    await serving
    other = "realtime" if run.route == "local" else "local"
    serving = await run.serve()
    route, second = run.built[1]
    assert (route, second.unanswered) == (other, Unanswered("how far is the moon", b"\1\0"))
    assert (
        run.notices == [second.notice] == [REALTIME_NOTICE if other == "realtime" else LOCAL_NOTICE]
    )
    run.runner.stop()
    await serving
    assert run.reasons == []


async def test_without_a_question_the_other_route_is_asked_nothing(run: Run) -> None:
    serving = await run.serve()
    run.context.add_message({"role": "user", "content": "how far is the moon"})
    run.context.add_message({"role": "assistant", "content": "It is far away."})
    # The context is that of an earlier session.
    assert run.built[0][1].reroute(Unanswered())
    await serving
    await run.serve()
    assert run.built[1][1].unanswered is None


async def test_a_question_with_half_an_answer_is_open(run: Run) -> None:
    serving = await run.serve()
    run.recorder.user_turn("how far is the moon")
    run.context.add_message({"role": "user", "content": "how far is the moon"})
    run.context.add_message({"role": "assistant", "content": "Well"})
    assert run.built[0][1].reroute(Unanswered())
    await serving
    await run.serve()
    assert run.built[1][1].unanswered is not None


async def test_a_failure_while_the_route_changes_does_not_end_the_session(run: Run) -> None:
    serving = await run.serve()
    assert run.built[0][1].reroute(Unanswered("moon"))
    assert run.built[0][1].reroute(Unanswered("sun"))
    await serving
    assert (run.reasons, len(run.notices)) == ([], 1)


async def test_a_pipeline_that_ends_by_itself_is_reported(run: Run) -> None:
    serving = await run.serve()
    await run.runner.queue(EndFrame())
    await serving
    assert run.reasons == [CloseReason.HUNG_UP]


async def test_frames_are_queued_only_while_a_pipeline_runs(run: Run) -> None:
    assert not await run.runner.queue(TTSSpeakFrame("Your timer is done."))
    await run.serve()
    assert await run.runner.queue(TTSSpeakFrame("Your timer is done."))
    run.runner.stop()
    assert not await run.runner.queue(TTSSpeakFrame("Your timer is done."))
