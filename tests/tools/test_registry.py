import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ConfigError, ToolError
from appliance.tools import Run, Tool, ToolContext, ToolResult
from appliance.tools.registry import ToolRegistry, enabled
from tests.tools.conftest import Session

LEVEL = {
    "type": "object",
    "properties": {"level": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["level"],
}


async def echo(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    return ToolResult(f"level {arguments['level']}", dict(arguments))


def tool(name: str = "echo", run: Run = echo, **more: Any) -> Tool:  # noqa: ANN401  of Tool
    return Tool(name, "Says it.", run, **more)


async def test_a_call_reaches_the_tool_with_corrected_arguments() -> None:
    registry = ToolRegistry([tool(parameters=LEVEL)])
    for given in (5, 5.0, "5"):
        answer = await registry.call("echo", {"level": given}, Session())
        assert answer.data == {"level": 5}


@pytest.mark.parametrize(
    ("name", "arguments", "spoken"),
    [
        ("echo", {}, "Sorry, the argument level is missing."),
        ("echo", {"level": None}, "Sorry, the argument level is missing."),
        ("echo", {"level": 0}, "Sorry, level must be at least 1."),
        ("echo", {"level": 10}, "Sorry, level must be at most 9."),
        ("echo", {"level": "loud"}, "Sorry, level must be a number."),
        ("echo", {"level": 1, "colour": "red"}, "Sorry, there is no argument called colour."),
        ("no_such", {}, "Sorry, I have no tool called no such."),
    ],
)
async def test_an_invalid_call_yields_an_apology_and_the_error(
    name: str, arguments: dict[str, Any], spoken: str
) -> None:
    answer = await ToolRegistry([tool(parameters=LEVEL)]).call(name, arguments, Session())
    assert answer.spoken == spoken
    assert answer.data["error"]["code"] == "tool_failed"


@pytest.mark.parametrize("more", [{}, {"confirm": True}])
async def test_a_guest_is_refused_with_a_spoken_reason(more: dict[str, Any]) -> None:
    done = []

    async def run(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        done.append(context.client_id)
        return ToolResult("Done.")

    async def is_guest(client_id: str) -> bool:
        return client_id == "g"

    registry = ToolRegistry([tool("work", run, guests=False, **more)], is_guest=is_guest)
    answer = await registry.call("work", {}, Session(client_id="g"), "sentence")
    assert answer.spoken == ("Sorry, that is not for guests; an administrator can make you a user.")
    assert answer.data["error"]["code"] == "tool_failed"
    assert registry.match("yes", "s") is None
    assert done == []
    if not more:
        assert (await registry.call("work", {}, Session(client_id="u"))).spoken == "Done."


async def test_without_roles_every_client_is_a_guest() -> None:
    answer = await ToolRegistry([tool("work", guests=False)]).call("work", {}, Session())
    assert "not for guests" in answer.spoken


async def test_a_failing_tool_yields_an_apology(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        raise ZeroDivisionError

    answer = await ToolRegistry([tool("open_door", broken)]).call("open_door", {}, Session())
    assert answer.spoken == "Sorry, open door did not work."
    assert "ZeroDivisionError" in caplog.text


async def test_a_tool_over_its_time_limit_yields_an_apology() -> None:
    async def endless(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        await asyncio.Event().wait()
        raise AssertionError

    answer = await ToolRegistry([tool("wait", endless, timeout=0.01)]).call("wait", {}, Session())
    assert answer.spoken == "Sorry, wait took too long."


async def test_cancellation_passes_through() -> None:
    started = asyncio.Event()

    async def endless(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    call = asyncio.create_task(ToolRegistry([tool("wait", endless)]).call("wait", {}, Session()))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_two_tools_cannot_share_a_name() -> None:
    with pytest.raises(ToolError, match="two tools called echo"):
        ToolRegistry([tool(), tool()])


def test_models_are_told_of_the_tools_that_models_may_call() -> None:
    registry = ToolRegistry(
        [
            tool("first", parameters=LEVEL),
            tool("small_talk", spoken_only=True),
            tool("here_only", realtime=False),
        ]
    )
    functions = registry.offer().functions
    assert [function["name"] for function in functions] == ["first", "here_only"]
    assert functions[0] == {"name": "first", "description": "Says it.", "parameters": LEVEL}
    assert registry.offer(realtime=True).names() == {"first"}
    assert registry.names == ("first", "small_talk", "here_only")


def test_tools_are_chosen_by_pattern() -> None:
    tools = [tool("get_time"), tool("get_date"), tool("set_timer")]
    assert enabled(tools, ["*"]) == tuple(tools)
    assert [chosen.name for chosen in enabled(tools, ["set_*", "get_date"])] == [
        "get_date",
        "set_timer",
    ]
    with pytest.raises(ConfigError, match="did you mean 'get_time'"):
        enabled(tools, ["get_tim"])


PROBE = """
import sys, time
from datetime import datetime
from appliance.hardware.telemetry import read
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.registry import ToolRegistry
from appliance.timers.scheduler import TimerScheduler
registry = ToolRegistry(builtin_tools(datetime.now, TimerScheduler(time.time, print), read))
heavy = {"hassil", "num2words", "unicode_rbnf"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
registry.prepare()
assert heavy <= set(sys.modules)
before = set(sys.modules)
assert registry.match("set a timer for twenty five minutes").arguments == {"minutes": 25}
new = {name for name in set(sys.modules) - before if name.partition(".")[0] in heavy}
assert not new, new
"""


def test_heavy_libraries_are_loaded_by_prepare_alone() -> None:
    subprocess.run([sys.executable, "-c", PROBE], check=True, cwd=Path(__file__).parents[2])


def test_hot_words_are_the_known_values_of_arguments_of_tools_that_were_added() -> None:
    rules = {
        "room": {"type": "string", "enum": ["kitchen", "attic"]},
        "agent": {"type": "string", "examples": ["Claude", "attic"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 3},
    }
    named = tool(parameters={"type": "object", "properties": rules})
    registry = ToolRegistry([named])
    assert registry.hot_words() == ()
    registry.put("home", [replace(named, name="added")])
    assert registry.hot_words() == ("Claude", "attic", "kitchen")


async def test_a_tool_that_is_switched_off_is_known_and_not_used() -> None:
    registry = ToolRegistry(
        [lamp := tool("lamp", sentences=("lamp on",)), tool("bell", sentences=("ring",))]
    )
    assert registry.match("lamp on")
    registry.switch_off(["lamp"])
    assert registry.match("lamp on") is None
    assert registry.offer().names() == {"bell"}
    assert "lamp" not in registry.grammar()
    result = await registry.call("lamp", {}, Session())
    assert "switched off" in result.spoken
    assert registry.listed()[0] == ("", lamp, False)
    registry.switch_off([])
    assert registry.match("lamp on")


def test_a_tool_that_comes_later_is_off_too() -> None:
    registry = ToolRegistry(())
    registry.switch_off(["home_lamp"])
    registry.put("home", [tool("home_lamp", sentences=("lamp on",))])
    assert registry.match("lamp on") is None
    assert [(group, on) for group, _, on in registry.listed()] == [("home", False)]
