import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.registry import ToolRegistry
from tests.tools.sampling import sampled

UTTERANCES = Path(__file__).parents[2] / "fixtures/micro_whisper/utterances/index.json"


def recognised(registry: ToolRegistry, text: str) -> tuple[str, dict[str, Any]] | None:
    match = registry.match(text)
    return (match.tool.name, dict(match.arguments)) if match else None


@pytest.mark.parametrize(
    ("said", "tool", "arguments"),
    [
        ("What time is it?", "get_time", {}),
        ("could you please tell me the time", "get_time", {}),
        ("What day is it tomorrow?", "get_date", {"day": "tomorrow"}),
        ("please set a timer for five minutes", "set_timer", {"minutes": 5}),
        ("Set a timer for 5 minutes.", "set_timer", {"minutes": 5}),
        ("Set a 5-minute timer!", "set_timer", {"minutes": 5}),
        ("set a five-minute tea timer", "set_timer", {"minutes": 5, "name": "tea"}),
        ("five and a half minutes timer", "set_timer", {"minutes": 5, "seconds": 30}),
        ("set a timer for 5½ minutes", "set_timer", {"minutes": 5, "seconds": 30}),
        ("set a timer for an hour", "set_timer", {"hours": 1}),
        ("set a timer for 90 seconds", "set_timer", {"seconds": 90}),
        ("set a timer for 2.5 hours", "set_timer", {"hours": 2.5}),
        ("a timer for one hour and ten minutes", "set_timer", {"hours": 1, "minutes": 10}),
        (
            "set a timer for 1 hour, 10 minutes and 5 seconds",
            "set_timer",
            {"hours": 1, "minutes": 10, "seconds": 5},
        ),
        ("set a timer for an hour and a half", "set_timer", {"hours": 1, "minutes": 30}),
        ("set a timer for two and a half hours", "set_timer", {"hours": 2, "minutes": 30}),
        ("set a timer for half an hour", "set_timer", {"minutes": 30}),
        ("set a timer for a hundred and twenty minutes", "set_timer", {"minutes": 120}),
        (
            "set a timer for one hundred and a half minutes",
            "set_timer",
            {"minutes": 100, "seconds": 30},
        ),
        (
            "remind me up in a second for the second",
            "set_timer",
            {"seconds": 1, "name": "second"},
        ),
        ("set an egg timer for three minutes", "set_timer", {"name": "egg", "minutes": 3}),
        (
            "Set a sourdough timer for two hours, please.",
            "set_timer",
            {"name": "sourdough", "hours": 2},
        ),
        ("wake me in twenty minutes", "set_timer", {"minutes": 20}),
        ("cancel the timer", "cancel_timer", {}),
        ("cancel the tea timer", "cancel_timer", {"name": "tea"}),
        ("cancel the five minute timer", "cancel_timer", {"minutes": 5}),
        ("cancel all my timers", "cancel_timer", {"all": True}),
        ("how much time is left on the tea timer", "check_timers", {"name": "tea"}),
        ("How hot is the device?", "get_device_status", {"topic": "temperature"}),
        ("how much memory do you have left", "get_device_status", {"topic": "memory"}),
        ("Stop!", "stop_talking", {}),
        ("okay, stop now", "stop_talking", {}),
        ("what can you do", "list_abilities", {}),
        ("repeat that", "repeat_that", {}),
    ],
)
def test_sentences_are_recognised_with_their_arguments(
    registry: ToolRegistry, said: str, tool: str, arguments: dict[str, Any]
) -> None:
    assert recognised(registry, said) == (tool, arguments)


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        "?",
        "what is the capital of France",
        "what is the time in Tokyo",
        "turn on the kitchen light",
        "set a timer for five minutes and tell me a joke",
        "I stopped the timer",
        "set a timer for five hundred minutes",
        "cancel the very long name that nobody would ever give to anything timer",
        "stop " * 100,
    ],
)
def test_other_texts_match_no_tool(registry: ToolRegistry, said: str) -> None:
    assert recognised(registry, said) is None


def test_the_tools_that_recorded_utterances_match(registry: ToolRegistry) -> None:
    answered = {
        "what time is it": "get_time",
        "set a timer for five minutes": "set_timer",
        "how hot is the device": "get_device_status",
        "cancel the timer": "cancel_timer",
        "repeat that": "repeat_that",
        "good morning": "greet",
        "hello": "greet",
        "thank you": "answer_thanks",
        "stop": "stop_talking",
    }
    recorded = json.loads(UTTERANCES.read_text()).values()
    assert set(answered) <= set(recorded)
    for text in recorded:
        match = registry.match(text)
        assert (match and match.tool.name) == answered.get(text), text


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_sentence_of_a_template_matches_its_tool(
    registry: ToolRegistry, data: st.DataObject
) -> None:
    said = data.draw(sampled(registry))
    assert recognised(registry, said.text) == (said.tool, said.arguments)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_accepted(registry: ToolRegistry, text: str) -> None:
    registry.match(text)


def test_lists_and_enums_of_any_tool_are_recognised() -> None:
    async def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult("")

    volume = {"level": {"type": "integer", "minimum": 0, "maximum": 10}}
    room = {"room": {"type": "string", "enum": ["kitchen", "living room"]}}
    tool = Tool(
        "set_volume",
        "",
        run,
        {"type": "object", "properties": {**volume, **room}},
        ("set the volume [in the {room}] to {level}", "{loudness:level}"),
        {"loudness": {"as loud as you can": 10}},
    )
    registry = ToolRegistry([tool])
    assert recognised(registry, "set the volume in the Living Room to seven") == (
        "set_volume",
        {"room": "living room", "level": 7},
    )
    assert recognised(registry, "as loud as you can") == ("set_volume", {"level": 10})
    assert recognised(registry, "set the volume to eleven") is None
