"""Offers the appliance's tools to a language model as functions, on either route."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams, LLMService

from appliance.tools import ToolResult
from appliance.tools.registry import ToolRegistry

CallTool = Callable[[str, Mapping[str, Any], str], Awaitable[ToolResult]]
"""Calls a tool by name, with arguments; the last argument is what asked for it."""


def offer_tools(
    service: LLMService[Any],
    context: LLMContext,
    registry: ToolRegistry,
    call_tool: CallTool,
    *,
    realtime: bool = False,
) -> None:
    """Registers the tools with the service; with `realtime`, only those allowed on that route."""

    async def run_tool(params: FunctionCallParams) -> None:
        answer = await call_tool(params.function_name, params.arguments, "model")
        result = await function_result(params.llm, answer)
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


async def function_result(service: LLMService[Any], answer: ToolResult) -> dict[str, Any]:
    """The result of a tool for the model.

    A quoted answer holds words of others: it is spoken to the user and kept from the model.
    """
    if not answer.quoted:
        return {"spoken": answer.spoken, **answer.data}
    await service.push_frame(TTSSpeakFrame(answer.spoken, append_to_context=False))
    return {"read_to_the_user": True, **answer.data}
