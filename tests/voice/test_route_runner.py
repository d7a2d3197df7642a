"""What happens between two routes: who is asked what, and who is told."""

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
from appliance.voice.route_runner import BACK_HERE, GONE_FAR, RouteCallbacks, RouteRunner
from appliance.voice.routing import Unanswered

nothing: Any = None


@dataclass
class Seen:
    """Pipelines that do nothing, and what an `Answering` does with them."""

    route: str
    made: list[tuple[str, SessionParts]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    reasons: list[CloseReason] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    serving: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        config = load((), {})
        far = RealtimeRoute(config.realtime, "", "key")
        shared = SharedParts(config, nothing, nothing, nothing, None, far)
        told = RouteCallbacks(self.started.set, self.said.append, self.ended)
        self.answering = RouteRunner(shared, self.route, told)
        self.context = LLMContext()
        gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
        self.recorder = Recorder("c", "s", lambda event: None, gauges, dict)
        self.one = SessionParts(
            transport=nothing,
            recorder=self.recorder,
            call_tool=nothing,
            voice=nothing,
            language=nothing,
            system_prompt="",
            context=self.context,
            on_speaking=nothing,
        )

    def ended(self, reason: CloseReason) -> None:
        self.reasons.append(reason)
        self.answering.leave()

    def pipeline(self, shared: SharedParts, one: SessionParts) -> PipelineWorker:
        self.made.append((self.answering.route, one))
        return PipelineWorker(Pipeline([IdentityFilter()]), idle_timeout_secs=None)

    async def serve(self) -> "asyncio.Task[None]":
        """The next pipeline, once it runs."""
        self.started.clear()
        self.serving = asyncio.create_task(self.answering.serve(self.one))
        await self.started.wait()
        return self.serving


@pytest_asyncio.fixture(params=["local", "realtime"])
async def seen(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Seen]:
    seen = Seen(request.param)
    monkeypatch.setattr(route_runner, "build", seen.pipeline)
    monkeypatch.setattr(route_runner, "build_realtime", seen.pipeline)
    yield seen
    seen.answering.leave()
    if seen.serving is not None:
        await seen.serving


async def test_the_other_route_gets_what_was_asked(seen: Seen) -> None:
    serving = await seen.serve()
    seen.context.add_message({"role": "user", "content": "how far is the moon"})
    _, first = seen.made[0]
    assert first.reroute(Unanswered(audio=b"\1\0"))
    await serving
    other = "realtime" if seen.route == "local" else "local"
    serving = await seen.serve()
    route, second = seen.made[1]
    assert (route, second.unanswered) == (other, Unanswered("how far is the moon", b"\1\0"))
    assert seen.said == [second.notice] == [GONE_FAR if other == "realtime" else BACK_HERE]
    seen.answering.leave()
    await serving
    assert seen.reasons == []


async def test_where_nothing_was_asked_nobody_is_asked(seen: Seen) -> None:
    serving = await seen.serve()
    seen.context.add_message({"role": "user", "content": "how far is the moon"})
    seen.context.add_message({"role": "assistant", "content": "It is far away."})
    # In an earlier session, that is.
    assert seen.made[0][1].reroute(Unanswered())
    await serving
    await seen.serve()
    assert seen.made[1][1].unanswered is None


async def test_half_an_answer_is_none(seen: Seen) -> None:
    serving = await seen.serve()
    seen.recorder.user_turn("how far is the moon")
    seen.context.add_message({"role": "user", "content": "how far is the moon"})
    seen.context.add_message({"role": "assistant", "content": "Well"})
    assert seen.made[0][1].reroute(Unanswered())
    await serving
    await seen.serve()
    assert seen.made[1][1].unanswered is not None


async def test_what_fails_while_it_is_left_does_not_end_the_session(seen: Seen) -> None:
    serving = await seen.serve()
    assert seen.made[0][1].reroute(Unanswered("moon"))
    assert seen.made[0][1].reroute(Unanswered("sun"))
    await serving
    assert (seen.reasons, len(seen.said)) == ([], 1)


async def test_what_ends_by_itself_says_so(seen: Seen) -> None:
    serving = await seen.serve()
    await seen.answering.queue(EndFrame())
    await serving
    assert seen.reasons == [CloseReason.HUNG_UP]


async def test_who_is_leaving_hears_nothing_more(seen: Seen) -> None:
    assert not await seen.answering.queue(TTSSpeakFrame("Your timer is done."))
    await seen.serve()
    assert await seen.answering.queue(TTSSpeakFrame("Your timer is done."))
    seen.answering.leave()
    assert not await seen.answering.queue(TTSSpeakFrame("Your timer is done."))
