"""A model is told of as many tools as fit, and finds the others by what they do."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.offer import (
    FIND_TOOL,
    USE_TOOL,
    OfferLimits,
    ToolOffer,
    called_tool,
    function,
    offer,
    search,
)
from appliance.tools.registry import ToolRegistry
from tests.tools.conftest import Session, Toolbox

LEVEL = {"type": "object", "properties": {"level": {"type": "integer"}}, "required": ["level"]}


async def run(arguments: Mapping[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult(f"done with {dict(arguments)}")


def tool(name: str, description: str = "Does it.", **more: Any) -> Tool:  # noqa: ANN401  of Tool
    return Tool(name, description, run, **more)


def names(offered: ToolOffer) -> list[str]:
    return [each.name for each in offered.tools]


OWN = (tool("get_time"), tool("set_timer"))
SERVERS = {
    "": OWN,
    "home": [tool(f"home_{n}") for n in range(5)],
    "mail": [tool(f"mail_{n}") for n in range(2)],
}


def test_all_are_told_of_where_they_fit() -> None:
    offered = offer(SERVERS, OfferLimits())
    assert len(offered.tools) == 9
    assert offered.rest == ()
    assert [each["name"] for each in offered.functions] == names(offered)


def test_the_own_tools_come_first_and_no_server_keeps_out_another() -> None:
    offered = offer(SERVERS, OfferLimits(tools=5))
    assert names(offered) == ["get_time", "set_timer", "home_0", "mail_0", "home_1"]
    assert [each["name"] for each in offered.functions[-2:]] == [FIND_TOOL, USE_TOOL]
    assert len(offered.names()) == 9


def test_the_owners_list_comes_before_others() -> None:
    limits = OfferLimits(tools=4, first=("mail_*",))
    assert names(offer(SERVERS, limits)) == ["get_time", "set_timer", "mail_0", "mail_1"]


def test_definitions_stay_within_the_bytes() -> None:
    large = tool("home_large", "It does. " * 500)
    groups = {"": OWN, "home": [large, tool("home_small")]}
    offered = offer(groups, OfferLimits(bytes=1_000))
    assert names(offered) == ["get_time", "set_timer", "home_small"]
    assert offered.rest == (large,)
    assert sum(len(json.dumps(function(each))) for each in offered.tools) <= 1_000


def test_the_own_tools_of_the_appliance_fit() -> None:
    assert Toolbox().registry.offer().rest == ()


@pytest.mark.parametrize(
    ("task", "found"),
    [
        ("switch on the lamp in the kitchen", "lamp_on"),
        ("how warm is it outside", "read_sensor"),
        ("write a mail to my sister", "send_mail"),
        ("play some jazz", "play"),
        ("switch on some jazz", "play"),  # a rare word says more than a common one
        ("something in the attic", "set_fan"),
    ],
)
def test_tools_are_found_by_what_they_do(task: str, found: str) -> None:
    rooms = {"type": "object", "properties": {"room": {"enum": ["kitchen", "hall"]}}}
    attic = {"type": "object", "properties": {"room": {"enum": ["attic"]}}}
    tools = [
        tool("lamp_on", "Switches a lamp on.", parameters=rooms),
        tool("lamp_off", "Switches a lamp off.", parameters=rooms),
        tool("read_sensor", "Tells how warm it is, inside or outside."),
        tool("send_mail", "Writes a mail and sends it to somebody."),
        tool("play", "Plays music: rock, jazz, classical."),
        tool("set_fan", "Sets a fan.", parameters=attic),
    ]
    assert search(tools, task)[0].name == found


def test_nothing_is_found_where_nothing_fits() -> None:
    assert search([tool("play", "Plays music.")], "42 !?") == []
    assert search([], "music") == []


def test_a_call_within_a_call_is_the_one_that_counts() -> None:
    assert called_tool("home_1", {"level": 1}) == ("home_1", {"level": 1})
    within = {"name": "home_1", "arguments": {"level": 1}}
    assert called_tool(USE_TOOL, within) == ("home_1", {"level": 1})
    assert called_tool(USE_TOOL, {"name": "home_1", "arguments": "x"}) == ("home_1", {})
    assert called_tool(USE_TOOL, {}) == ("", {})


async def test_a_tool_that_is_found_asks_as_any_other(caplog: pytest.LogCaptureFixture) -> None:
    registry = ToolRegistry(OWN, limits=OfferLimits(tools=2))
    with caplog.at_level(logging.WARNING):
        registry.put("home", [tool("home_dim", "Dims the light.", parameters=LEVEL, confirm=True)])
    assert "1 of the tools of home only when they look for them" in caplog.text
    (found,) = registry.offer().found("dim the light")
    assert found["parameters"] == LEVEL
    call = called_tool(USE_TOOL, {"name": found["name"], "arguments": {"level": "3"}})
    answer = await registry.call(*call, Session())
    assert answer.question_id
    assert answer.spoken == "Shall I use home dim, with level 3?"
