"""MCP servers as real processes: their tools by name and by sentence, and their failures."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from appliance.config.schema import MCPServerConfig
from appliance.tools import ToolResult
from appliance.tools.mcp import MCPServer, tool_name
from appliance.tools.mcp_schemas import schema_fault, standalone_schema
from appliance.tools.registry import ToolRegistry
from tests.stranger import until
from tests.tools.conftest import Session

PROGRAM = Path(__file__).with_name("mcp_server.py")
ALLOWED = ("turn_*", "get_level", "paint", "fail", "crash")
SENTENCES = {
    "turn_on": ("switch on the {room} lamp",),
    "get_level": ("how bright is the {room}",),
    "fail": ("this {is} no sentence",),
}


class Home:
    """A registry with the tools of one server."""

    def __init__(self, config: MCPServerConfig) -> None:
        self.registry = ToolRegistry(())
        self.session = Session()
        self.changed = asyncio.Condition()
        self.server = MCPServer("home", config, "token", self._put)

    def _put(self, group: str, tools: Any) -> None:  # noqa: ANN401  as Registry.put
        self.registry.put(group, tools)

    async def call(self, name: str, **arguments: object) -> ToolResult:
        return await self.registry.call(name, arguments, self.session)

    async def say(self, sentence: str) -> ToolResult:
        self.registry.user_turn(sentence, self.session.session_id)
        match = self.registry.match(sentence, self.session.session_id)
        assert match is not None, f"nothing understood {sentence!r}"
        result = await self.registry.call(
            match.tool.name, match.arguments, self.session, "sentence"
        )
        self.registry.question_heard(self.session.session_id, result.question_id)
        return result

    async def offers(self) -> bool:
        """Whether the server's tools are registered and it can be called."""
        answer = await self.call("home_get_level", room="hall")
        return bool(answer.data.get("result"))


@asynccontextmanager
async def running_server(**config: Any) -> AsyncIterator[Home]:  # noqa: ANN401  of Mcp
    """A server of any tools, once these are registered."""
    made = Home(MCPServerConfig(**config))
    running = asyncio.create_task(made.server.run())

    async def is_connected() -> bool:
        return made.server._client is not None

    try:
        await until(is_connected, 60)
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def house(**config: Any) -> AsyncIterator[Home]:  # noqa: ANN401  of Mcp
    made = Home(
        MCPServerConfig(
            **{"allow": ALLOWED, "confirm": ("turn_*",), "sentences": SENTENCES, **config}
        )
    )
    running = asyncio.create_task(made.server.run())
    try:
        await until(made.offers, 60)
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def command(calls: Path) -> tuple[str, ...]:
    return ("/usr/bin/env", f"CALLS={calls}", sys.executable, str(PROGRAM), "stdio")


@asynccontextmanager
async def served(port: int, calls: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), "http", str(port)),
        env={**os.environ, "CALLS": str(calls)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.slow
async def test_a_server_over_stdio(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    async with house(command=command(calls), directory=tmp_path) as home:
        assert set(home.registry.names) == {
            *("home_turn_on", "home_get_level", "home_paint", "home_fail", "home_crash"),
            *("confirm", "decline"),
        }
        await check_all_tools(home, calls)
        assert (await home.call("home_crash")).spoken == "Sorry, home did not answer."
        await until(home.offers, 60)
    # The call that broke the connection was not made again.
    assert calls.read_text().splitlines().count("crash") == 1


@pytest.mark.slow
async def test_what_is_no_tool_by_the_protocol_leaves_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = (sys.executable, str(PROGRAM.with_name("odd_mcp_server.py")))
    with caplog.at_level(logging.WARNING):
        async with house(command=program, allow=("*",), confirm=(), sentences={}) as home:
            assert home.registry.names == ("home_get_level",)
            assert (await home.call("home_get_level")).spoken == "Half."
    left_out = [line for line in caplog.messages if "home is left out: " in line]
    assert len(left_out) == 6
    assert left_out[0].startswith("without_schema of the MCP server home is left out: inputSchema")


@pytest.mark.slow
async def test_a_server_over_streamable_http_that_starts_late(
    tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.tools.mcp.FIRST_RETRY", 0.1)
    monkeypatch.setattr("appliance.tools.mcp.LAST_RETRY", 0.5)
    calls = tmp_path / "calls"
    url = f"http://127.0.0.1:{unused_tcp_port}/mcp"
    async with served(unused_tcp_port, calls) as process, house(url=url) as home:
        await check_all_tools(home, calls)
        process.kill()
        await process.wait()
        answer = await home.call("home_get_level", room="hall")
        assert answer.spoken.startswith("Sorry, home ")


async def check_all_tools(home: Home, calls: Path) -> None:
    """The checks for every transport."""
    assert (
        await home.say("how bright is the kitchen")
    ).spoken == "The kitchen is at forty percent."
    assert (await home.call("home_get_level", room="hall")).data["result"].startswith("The hall")
    wrong = await home.call("home_get_level", room="attic")
    assert wrong.spoken == "Sorry, room must be one of kitchen, hall."
    painted = await home.call("home_paint", shade={"brightness": 7, "colour": "cold"})
    assert painted.data["result"] == "7 cold"
    assert (await home.call("home_fail")).spoken.startswith("Sorry, home says: ")
    assert (await home.call("home_burn_down", room="x")).spoken.startswith("Sorry, I have no tool")

    asked = await home.say("switch on the kitchen lamp")
    assert asked.spoken == "Shall I use home turn on, with room kitchen?"
    assert "turn_on kitchen" not in calls.read_text()
    assert (await home.say("yes")).spoken == "The light in the kitchen is on."
    assert calls.read_text().splitlines().count("turn_on kitchen") == 1
    assert "burn_down" not in calls.read_text()


async def test_a_program_that_is_no_server_registers_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("appliance.tools.mcp.FIRST_RETRY", 0.01)
    home = Home(MCPServerConfig(command=("/bin/false",), allow=("*",)))
    running = asyncio.create_task(home.server.run())

    async def tried_again() -> bool:
        return caplog.text.count("cannot be used") > 1

    await until(tried_again, 60)  # it has to import the library first
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert home.registry.names == ()


NESTED = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}
ITSELF = {"$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}}}


@pytest.mark.slow
async def test_results_changes_and_logs_of_a_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    program = ("/usr/bin/env", "ODD=1", *command(tmp_path / "calls")[1:])
    settings: dict[str, Any] = {
        "allow": ("get_*", "measure", "grow"),
        "sentences": {"measure": ("how bright is it in the {room}",)},
        "answers": {"measure": "The {room} is at {level} percent."},
    }
    async with house(command=program, directory=tmp_path, **settings) as home:
        # A schema that is none leaves out one tool.
        assert "home_get_odd" not in home.registry.names
        assert "get_odd of the MCP server home is left out" in caplog.text
        said = await home.say("how bright is it in the kitchen")
        assert said.spoken == "The kitchen is at forty percent."

        async def logged() -> bool:
            return "MCP server home: measured kitchen" in caplog.text

        await until(logged, 60)
        assert "home_get_grown" not in home.registry.names
        await home.call("home_grow")

        async def grown() -> bool:
            return "home_get_grown" in home.registry.names

        await until(grown, 50)  # before the list is asked for again anyway
        assert (await home.call("home_get_grown")).spoken == "It has grown."


def test_schemas_that_cannot_be_offered() -> None:
    fine = {"type": "object", "properties": {"room": {"type": "string"}}}
    assert schema_fault(fine) == ""
    assert schema_fault({}) == ""
    for odd in (
        {"type": "string"},
        {"type": "object", "properties": {"a": {"type": "sometimes"}}},
        {"type": "object", "properties": {"a": {"enum": 7}}},
        {"type": "object", "required": "a"},
        {"type": "object", "properties": {"a": {"description": "x" * 30_000}}},
        None,
    ):
        assert schema_fault(odd)


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({}, {"type": "object", "properties": {}, "required": []}),
        (
            {**NESTED, "$defs": {"A": {"type": "string"}}},
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        ),
        (NESTED, {"type": "object", "properties": {"a": {}}, "required": ["a"]}),
        (
            {"properties": {"a": True, "b": {"$ref": "https://elsewhere/"}}, "required": "a"},
            {"type": "object", "properties": {"a": {}, "b": {}}, "required": []},
        ),
        ({"properties": [1]}, {"type": "object", "properties": {}, "required": []}),
    ],
)
def test_references_in_schemas_are_written_out(
    schema: Mapping[str, Any], made: Mapping[str, Any]
) -> None:
    assert standalone_schema(schema) == made


def test_a_recursive_schema_is_cut() -> None:
    made = standalone_schema({**NESTED, **ITSELF})
    assert len(str(made)) < 2_000
    assert made["properties"]["a"]["type"] == "object"


def test_names_are_acceptable_to_models() -> None:
    assert tool_name("home", "lights.turn on/now") == "home_lights_turn_on_now"
    assert len(tool_name("home", "x" * 100)) == 64
