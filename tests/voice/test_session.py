"""A session: its language, its limits, and what survives a change of the route."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.filters.identity_filter import IdentityFilter

from appliance import wire
from appliance.config.loader import load
from appliance.conversation import Event, EventKind, OnEvent
from appliance.errors import Forbidden
from appliance.tools import Speech
from appliance.tools.registry import ToolRegistry
from appliance.voice import route_runner
from appliance.voice.close_reason import CLOSE_FRAMES, CloseReason
from appliance.voice.parts import SessionParts, SharedParts
from appliance.voice.pipeline import _barge_in
from appliance.voice.realtime.route import RealtimeRoute
from appliance.voice.recorder import Gauges
from appliance.voice.route_runner import REALTIME_NOTICE
from appliance.voice.routing import Unanswered
from appliance.voice.session import LifetimeLimits, Session, SessionCallbacks
from appliance.voice.session_options import SessionOptions
from appliance.voice.session_recording import RecordingSink
from appliance.voice.session_registry import SessionRegistry

nothing: Any = None
anything: Any = SimpleNamespace


class ClosedSocket:
    """A socket whose client has left; it keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[wire.Frame] = []

    async def receive(self) -> None:
        return None

    async def send(self, data: bytes) -> None:
        self.sent.append(wire.decode(data))

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


async def _no_recording(_conversation: str, _session: str, _started: float) -> RecordingSink:
    raise Forbidden("recording is switched off")


def _session(
    language: str = "en",
    opened: Callable[[Session], None] = lambda _session: None,
    on_event: OnEvent = lambda _event: None,
) -> Session:
    config = load((), {})
    far = RealtimeRoute(config.realtime, "", "key")
    shared = SharedParts(config, nothing, nothing, ToolRegistry(()), llm=None, realtime=far)
    gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
    callbacks = SessionCallbacks(
        on_event=on_event,
        gauges=gauges,
        malformed=lambda code: None,
        dropped=lambda what: None,
        engines=dict,
        opened=opened,
        rerouted=lambda route: None,
        expects_event=lambda conversation_id: False,
        record=_no_recording,
    )
    return Session("s", "c", "client", shared, callbacks, SessionOptions(language=language))


def test_a_detected_language_is_the_one_heard_last_and_english_before() -> None:
    session = _session("auto")
    languages = [session.tool_context.voice.language]
    for heard in ("de", "", "fr"):
        session.recorder.transcribed(heard)
        languages.append(session.tool_context.voice.language)
    assert languages == ["en", "de", "de", "fr"]
    # A change of the speed alone leaves the language to be detected.
    context = session.tool_context
    context.speak_as(Speech(context.speech.voice, context.speech.language, 0.8))
    assert (context.language, context.voice.language) == ("auto", "fr")


def test_assent_is_known_in_the_language_that_is_spoken() -> None:
    session = _session("auto")
    playback = anything(playing=True, hold=lambda: None, resume=lambda: None)
    one = anything(
        transport=anything(output=lambda: playback),
        recorder=session.recorder,
        voice=lambda: session.tool_context.voice,
    )
    barge_in = _barge_in(anything(llm=True), one)
    assert barge_in.is_meant("Ja, genau.")
    session.recorder.transcribed("de")
    assert not barge_in.is_meant("Ja, genau.")


def test_a_requested_language_stays_until_a_tool_changes_it() -> None:
    session = _session("de")
    session.recorder.transcribed("fr")
    context = session.tool_context
    assert context.voice.language == "de"
    context.speak_as(Speech("", "es", 1.0))
    assert (context.language, context.voice.language) == ("es", "es")


def test_a_session_is_idle_some_time_after_the_last_activity_or_expected_event() -> None:
    settings = load((), {}).limits
    limits, idle = LifetimeLimits(settings, began=0.0), settings.idle_seconds

    def exceeded(now: float, *, event_expected: bool = False) -> CloseReason | None:
        return limits.exceeded(now, last_activity=10.0, event_expected=event_expected)

    assert exceeded(10.0 + idle) is None
    assert exceeded(11.0 + idle) is CloseReason.IDLE
    assert exceeded(11.0 + idle, event_expected=True) is None
    # The user has as long to answer as after a sentence of their own.
    assert exceeded(11.0 + 2 * idle) is None
    assert exceeded(12.0 + 2 * idle) is CloseReason.IDLE
    assert exceeded(settings.session_seconds + 1, event_expected=True) is CloseReason.TOO_LONG


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[SessionParts]":
    """The parts that pipelines were built for; these pipelines do nothing."""
    built: asyncio.Queue[SessionParts] = asyncio.Queue()

    def pipeline(_shared: SharedParts, one: SessionParts) -> PipelineWorker:
        built.put_nowait(one)
        return PipelineWorker(Pipeline([IdentityFilter()]), idle_timeout_secs=None)

    monkeypatch.setattr(route_runner, "build", pipeline)
    monkeypatch.setattr(route_runner, "build_realtime", pipeline)
    return built


@pytest.mark.parametrize(("asked", "recorded"), [("auto", None), ("de", "de")])
async def test_a_language_to_be_detected_is_recorded_as_none(
    pipelines: "asyncio.Queue[SessionParts]", asked: str, recorded: str | None
) -> None:
    kept: list[Event] = []
    session = _session(asked, on_event=kept.append)
    session.end(CloseReason.CLIENT_LEFT)
    await session.run(ClosedSocket(), [])
    assert (kept[0].kind, kept[0].data["language"]) == (EventKind.SESSION_STARTED, recorded)


async def test_a_route_change_in_mid_sentence_ends_speaking(
    pipelines: "asyncio.Queue[SessionParts]",
) -> None:
    opened = asyncio.Event()
    session = _session(opened=lambda _session: opened.set())
    running = asyncio.create_task(session.run(ClosedSocket(), []))
    await opened.wait()
    first = await pipelines.get()
    first.on_speaking(True)
    assert session.in_turn
    assert first.reroute(Unanswered("how far is the moon"))
    await pipelines.get()
    assert (session.route, session.speaking) == ("realtime", False)
    session.end(CloseReason.CLIENT_LEFT)
    await running


async def test_a_message_sent_while_the_route_changes_arrives_on_the_next(
    pipelines: "asyncio.Queue[SessionParts]",
) -> None:
    opened = asyncio.Event()
    session = _session(opened=lambda _session: opened.set())
    socket = ClosedSocket()
    running = asyncio.create_task(session.run(socket, []))
    await opened.wait()
    # The first pipeline here writes nothing; a real one stops writing before it ends.
    assert (await pipelines.get()).reroute(Unanswered("how far is the moon"))
    second = await pipelines.get()
    writing = asyncio.create_task(second.transport.send_queue.run())
    await second.transport.send_queue.drain(10)
    sent = [frame.data["data"] for frame in socket.sent if isinstance(frame, wire.Message)]
    assert REALTIME_NOTICE in [data.get("message") for data in sent]
    writing.cancel()
    session.end(CloseReason.CLIENT_LEFT)
    await running


async def test_a_session_that_fails_closes_its_socket_with_the_reason() -> None:
    async def unreadable(_conversation_id: str) -> list[tuple[str, str]]:
        raise OSError("the disk is gone")

    session = _session()
    sessions = SessionRegistry(
        session._shared, session._callbacks, lambda: 1, unreadable, lambda _count: None
    )
    offered = sessions.open(
        voice="", language="", system_prompt="", conversation_id="c", client_id="client"
    )
    socket = ClosedSocket()
    await sessions.attach(offered.session_id, socket)
    assert socket.closed == CLOSE_FRAMES[CloseReason.FAILED]
    assert sessions.open_count == 0
