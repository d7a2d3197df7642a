"""A model reaches every tool of its route: those it is told of, and those it looks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.processors.aggregators.llm_context import LLMContext

from appliance.tools import Tool, ToolContext, ToolResult
from appliance.tools.offer import FIND_TOOL, USE_TOOL, OfferLimits
from appliance.tools.registry import ToolRegistry
from appliance.voice.services.function_calling import offer_tools
from tests.tools.conftest import Session


async def run(arguments: Mapping[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult(f"Done with {arguments}.")


REGISTRY = ToolRegistry(
    [
        Tool("get_time", "Tells the time.", run),
        Tool("dim", "Dims the light.", run),
        Tool("unlock", "Unlocks the door.", run, realtime=False),
    ],
    limits=OfferLimits(tools=1),
)


@dataclass
class Model:
    """Stands for the service: calls a function as a model does, and keeps what it is told."""

    realtime: bool = False
    functions: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context = LLMContext()
        given: Any = self
        offer_tools(given, self.context, REGISTRY, self, realtime=self.realtime)

    def register_function(self, name: str, run: Any) -> None:  # noqa: ANN401  Pipecat's handler
        self.functions[name] = run

    def question_heard(self, _question_id: str) -> None:
        raise AssertionError("nothing is asked here")

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> ToolResult:
        self.calls.append(name)
        return await REGISTRY.call(name, arguments, Session(), via)

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
        results: list[dict[str, Any]] = []

        async def told(result: dict[str, Any], properties: object = None) -> None:
            results.append(result)

        params = SimpleNamespace(
            function_name=name,
            arguments=arguments,
            tool_call_id="1",
            llm=self,
            result_callback=told,
        )
        await self.functions[name](params)
        return results[0]


async def test_what_is_left_out_is_found_and_called() -> None:
    model = Model()
    tools: Any = model.context.tools
    assert [each.name for each in tools.standard_tools] == [FIND_TOOL, "get_time", USE_TOOL]
    found = await model.call(FIND_TOOL, task="unlock the door please")
    assert found["tools"][0]["name"] == "unlock"
    assert found["call_with"] == USE_TOOL
    assert (await model.call(USE_TOOL, name="unlock"))["spoken"].startswith("Done")
    assert (await model.call("dim"))["spoken"].startswith("Done")
    assert model.calls == ["unlock", "dim"]


@pytest.mark.parametrize("name", ["unlock", USE_TOOL, FIND_TOOL, "nothing"])
async def test_no_tool_of_another_route_is_found_or_called(name: str) -> None:
    model = Model(realtime=True)
    assert (await model.call(FIND_TOOL, task="unlock the door please"))["tools"] == []
    answer = await model.call(USE_TOOL, name=name)
    assert answer == {"error": f"there is no tool called {name}"}
    assert model.calls == []
