"""Only tools that change nothing run before a turn is over, and a call counts when it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    LLMContextFrame,
    LLMTextFrame,
    TTSSpeakFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.asyncio.task_manager import TaskManager

from appliance.agents.tools import claude_tools, task_tools, team_tools
from appliance.conversation import Event, EventKind
from appliance.text.pieces import SpeechCost
from appliance.timers.scheduler import TimerScheduler
from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.builtin.history import history_tools
from appliance.tools.registry import ToolRegistry
from appliance.voice.recorder import Gauges, Recorder
from appliance.voice.services.answer_stream import HeldOpening
from appliance.voice.services.intent_router import IntentRouter
from appliance.voice.services.tool_caller import ToolCaller
from tests.tools.conftest import Session

anything: Any = SimpleNamespace

READ_ONLY = {
    "get_time": "what time is it",
    "get_date": "what day is it",
    "check_timers": "how many timers are there",
    "get_device_status": "how hot is the device",
    "recall_questions": "what did i ask you yesterday",
    "repeat_that": "repeat that",
    "list_abilities": "what can you do",
    "greet": "hello",
    "take_note": "very well",
    "answer_thanks": "thank you",
    "answer_how_are_you": "how are you",
    "say_goodbye": "goodbye",
    "introduce_yourself": "who are you",
    "list_tasks": "what is running",
    "read_last_result": "what did claude say",
}
WITH_EFFECT = {
    "set_timer": "set a timer for five minutes",
    "cancel_timer": "cancel the timer",
    "pause_timer": "pause the timer",
    "resume_timer": "resume the timer",
    "set_volume": "volume fifty percent",
    "change_volume": "louder",
    "change_voice": "change the voice",
    "change_speed": "speak faster",
    "set_language": "speak german",
    "start_recording": "record this conversation",
    "stop_recording": "stop recording",
    "forget_conversation": "forget this conversation",
    "stop_talking": "stop talking",
    "send_to_nested": "tell the team to test it",
    "pause": "pause the team",
    "reset": "reset the team",
    "send_to_claude_code": "tell claude to test it",
    "pause_claude_code": "pause claude",
    "cancel_task": "cancel the last task",
    "continue_task": "continue the task",
}


async def _no_texts(_client: str, _begin: float, _end: float) -> list[str]:
    return []


def _all_tools() -> tuple[Tool, ...]:
    """Every tool of the appliance itself."""
    dispatcher = anything(agents={})
    others = (
        *history_tools(datetime.now, _no_texts, lambda _conversation: None),
        *team_tools(dispatcher, anything()),
        *claude_tools(dispatcher),
        *task_tools(dispatcher, anything()),
    )
    timers = TimerScheduler(lambda: 0.0, lambda _timer: None)
    return builtin_tools(datetime.now, timers, lambda: anything(), others=others)


@dataclass
class Router:
    """An intent router with tools that only say their name; `ran` lists those that did.

    `prepared` is what the voice was given ahead, `said` what went on to it at last.
    """

    quoted: bool = False
    has_model: bool = False
    ran: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ready.set()
        tools = [replace(tool, run=self._run(tool.name), guests=True) for tool in _all_tools()]
        gauges = Gauges(lambda stage, seconds: None, lambda route: None, lambda: None)
        recorder = Recorder("c", "s", self.events.append, gauges, dict)
        self.context = LLMContext()
        router = IntentRouter(
            ToolCaller(ToolRegistry(tools), Session(), recorder),
            recorder,
            self.context,
            HeldOpening(self.prepared.append, self._discard, SpeechCost),
            has_model=self.has_model,
            context_tokens=lambda: 1000,
            on_speaking=lambda _speaking: None,
            on_thinking=lambda _thinking: None,
            reroute=lambda _question: False,
        )
        self.router: Any = cast(Any, router)
        manager = TaskManager(loop=asyncio.get_running_loop())
        self.router.create_task, self.router.cancel_task = manager.create_task, manager.cancel_task
        self.router.push_frame = self._push

    def _run(self, name: str) -> Any:  # noqa: ANN401  a tool's own kind of function
        async def run(_arguments: Mapping[str, Any], _context: ToolContext) -> ToolResult:
            self.ran.append(name)
            await self.ready.wait()
            return ToolResult(f"{name}, done.", quoted=self.quoted)

        return run

    def _discard(self) -> None:
        self.prepared.append("(discarded)")

    async def _push(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        if isinstance(frame, LLMTextFrame | TTSSpeakFrame):
            self.said.append(frame.text)
        elif isinstance(frame, LLMContextFrame):
            messages: Any = frame.context.get_messages()
            self.asked.append(messages[-1]["content"])

    async def handle(self, frame: Frame) -> None:
        await self.router.process_frame(frame, FrameDirection.DOWNSTREAM)

    async def pause(self, text: str) -> None:
        """The user has said this and pauses; it may be the end of the turn."""
        await self.handle(UserStartedSpeakingFrame())
        context = LLMContext(messages=[{"role": "user", "content": text}])
        await self.handle(LLMContextFrame(context=context, speculation=True))
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def calls(self) -> list[str]:
        """The tools whose calls are recorded."""
        return [one.data["tool"] for one in self.events if one.kind is EventKind.TOOL_CALL]

    @property
    def results(self) -> list[str]:
        """The tools whose results are recorded."""
        return [one.data["tool"] for one in self.events if one.kind is EventKind.TOOL_RESULT]


def test_every_tool_is_known_to_change_something_or_nothing() -> None:
    tools = {tool.name: tool for tool in _all_tools()}
    assert set(tools) == set(READ_ONLY) | set(WITH_EFFECT)
    assert {name for name, tool in tools.items() if tool.read_only} == set(READ_ONLY)
    assert not any(tool.confirm or tool.answers for tool in tools.values() if tool.read_only)


def test_a_tool_has_an_effect_unless_it_says_otherwise() -> None:
    assert not Tool("x", "", lambda _arguments, _context: _no_texts("", 0, 0)).read_only  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("name", READ_ONLY)
async def test_a_tool_that_changes_nothing_runs_ahead(name: str) -> None:
    router = Router()
    await router.pause(READ_ONLY[name])
    assert (router.ran, router.calls) == ([name], [])
    assert router.prepared == [f"{name}, done."] or router.prepared == [f"{name},"]
    assert router.said == []
    await router.handle(UserStoppedSpeakingFrame())
    assert (router.ran, router.calls, router.results) == ([name], [name], [name])
    assert router.said == [f"{name}, done."]


@pytest.mark.parametrize("name", WITH_EFFECT)
async def test_a_tool_with_an_effect_waits_for_the_end_of_the_turn(name: str) -> None:
    router = Router()
    await router.pause(WITH_EFFECT[name])
    assert (router.ran, router.prepared, router.calls) == ([], [], [])
    await router.handle(UserStoppedSpeakingFrame())
    assert router.calls == [name]
    asks_first = name in ("forget_conversation", "reset")
    assert router.ran == ([] if asks_first else [name])


async def test_an_answer_ahead_that_is_withdrawn_leaves_no_trace() -> None:
    router = Router()
    await router.pause("what time is it")
    await router.handle(EagerEndOfTurnCancelFrame())
    assert router.prepared[-1] == "(discarded)"
    await router.handle(UserStoppedSpeakingFrame())
    assert (router.calls, router.said, router.events) == ([], [], [])


async def test_other_words_take_the_place_of_those_answered_ahead() -> None:
    router = Router()
    await router.pause("what time is it")
    await router.pause("what day is it")
    await router.handle(UserStoppedSpeakingFrame())
    assert (router.ran, router.calls) == (["get_time", "get_date"], ["get_date"])
    assert router.said == ["get_date, done."]


async def test_a_tool_that_is_still_at_work_is_withdrawn_or_waited_for() -> None:
    router = Router()
    router.ready.clear()
    await router.pause("what time is it")
    await router.handle(EagerEndOfTurnCancelFrame())
    await router.pause("what time is it")
    ending = asyncio.create_task(router.handle(UserStoppedSpeakingFrame()))
    await asyncio.sleep(0)
    assert router.calls == []
    router.ready.set()
    await ending
    assert (router.calls, router.said) == (["get_time"], ["get_time, done."])


async def test_words_of_others_are_not_prepared() -> None:
    router = Router(quoted=True)
    await router.pause("what did claude say")
    assert router.prepared == []
    await router.handle(UserStoppedSpeakingFrame())
    assert router.said == ["read_last_result, done."]


async def test_a_question_is_put_to_the_model_ahead() -> None:
    router = Router(has_model=True)
    await router.pause("why is the sea salty")
    assert (router.asked, router.ran) == (["why is the sea salty"], [])
    await router.handle(UserStoppedSpeakingFrame())
    assert (router.calls, router.said) == ([], [])
