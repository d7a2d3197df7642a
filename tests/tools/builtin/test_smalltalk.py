from datetime import datetime

import pytest

from appliance.errors import ConfigError
from appliance.hardware.telemetry import read
from appliance.timers.scheduler import TimerScheduler
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.registry import ToolRegistry
from tests.tools.conftest import Session, Toolbox


async def test_the_last_answer_is_repeated(toolbox: Toolbox) -> None:
    assert (await toolbox.say("repeat that")).spoken == "I have not said anything yet."
    toolbox.session.last_answer = "It is noon."
    assert (await toolbox.say("what did you say")).spoken == "It is noon."


async def test_stop_ends_the_speech_without_an_answer(toolbox: Toolbox) -> None:
    answer = await toolbox.say("stop")
    assert answer.silent
    assert answer.spoken == ""
    assert toolbox.session.stopped == 1


async def test_abilities_are_those_of_the_enabled_tools(toolbox: Toolbox) -> None:
    assert (await toolbox.say("what can you do")).spoken == (
        "I can tell the time and the date, set timers, say how the device is doing, "
        "change volume and voice, "
        "and repeat what I said. Just ask."
    )
    few = builtin_tools(
        datetime.now, TimerScheduler(float, print), read, patterns=["set_timer", "list_abilities"]
    )
    registry = ToolRegistry(few)
    assert registry.names == ("set_timer", "list_abilities")
    answer = await registry.call("list_abilities", {}, Session())
    assert answer.spoken == "I can set timers and repeat what I said. Just ask."


def test_a_pattern_that_matches_no_tool_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="get_weather"):
        builtin_tools(datetime.now, TimerScheduler(float, print), read, patterns=["get_weather"])


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("hello", "Hello. What can I do for you?"),
        ("Good morning!", "Hello. What can I do for you?"),
        ("thank you very much", "You are welcome."),
        ("Thanks.", "You are welcome."),
        ("goodbye", "Goodbye."),
        ("how are you", "I am fine, thank you."),
        ("who are you", "I am the voice assistant of this appliance."),
    ],
)
async def test_small_talk(toolbox: Toolbox, said: str, answered: str) -> None:
    assert (await toolbox.say(said)).spoken == answered


def test_models_are_offered_no_small_talk(toolbox: Toolbox) -> None:
    offered = toolbox.registry.offer().names()
    assert {"get_time", "set_timer", "get_device_status", "stop_talking"} <= offered
    assert not {"greet", "answer_thanks", "say_goodbye"} & offered
