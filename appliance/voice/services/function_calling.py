"""The appliance's tools as functions of a language model, whichever way it is spoken to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams, LLMService

from appliance.tools import ToolResult
from appliance.tools.registry import ToolRegistry

Caller = Callable[[str, Mapping[str, Any], str], Awaitable[ToolResult]]
"""Calls a tool by name, with arguments; the last word is who asked for it."""


def offer(
    service: LLMService[Any],
    context: LLMContext,
    registry: ToolRegistry,
    call: Caller,
    *,
    realtime: bool = False,
) -> None:
    """Has the service call tools; with `realtime`, only those that may run on that route."""

    async def run_tool(params: FunctionCallParams) -> None:
        answer = await call(params.function_name, params.arguments, "model")
        result = await hand_over(params.llm, answer)
        silent = FunctionCallResultProperties(run_llm=False) if answer.quoted else None
        await params.result_callback(result, properties=silent)

    functions: list[FunctionSchema] = []
    for schema in registry.schemas(realtime=realtime):
        function = schema["function"]
        parameters = function["parameters"]
        functions.append(
            FunctionSchema(
                name=function["name"],
                description=function["description"],
                properties=parameters.get("properties", {}),
                required=parameters.get("required", []),
            )
        )
        service.register_function(function["name"], run_tool)
    context.set_tools(ToolsSchema(standard_tools=[*functions]))


async def hand_over(service: LLMService[Any], answer: ToolResult) -> dict[str, Any]:
    """What a model is told of a tool's answer.

    Somebody else's words are said to the user, and kept from the model.
    """
    if not answer.quoted:
        return {"spoken": answer.spoken, **answer.data}
    await service.push_frame(TTSSpeakFrame(answer.spoken, append_to_context=False))
    return {"read_to_the_user": True, **answer.data}
