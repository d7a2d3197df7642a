"""Offers the appliance's tools to a language model as functions, on either route."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams, LLMService

from appliance.tools import ToolResult
from appliance.tools.offer import FIND_TOOL, USE_TOOL, called_tool
from appliance.tools.registry import ToolRegistry
from appliance.voice.frames import QuestionFrame


class CallTool(Protocol):
    """Calls the tools of one session."""

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> ToolResult:
        """Calls a tool by name; `via` is what asked for it."""

    def question_heard(self, question_id: str) -> None:
        """The question of an earlier result was heard to its end."""


def offer_tools(
    service: LLMService[Any],
    context: LLMContext,
    registry: ToolRegistry,
    call_tool: CallTool,
    *,
    realtime: bool = False,
    fault_of: Callable[[str], str] = lambda _call_id: "",
) -> None:
    """Registers the tools with the service; with `realtime`, only those allowed on that route.

    `fault_of` returns the reason why a call, by its id, must not be carried out: the model is given
    it as the result.
    """

    async def run_tool(params: FunctionCallParams) -> None:
        if fault := fault_of(params.tool_call_id):
            await params.result_callback({"error": fault})
            return
        if params.function_name == FIND_TOOL:
            found = registry.offer(realtime=realtime).found(params.arguments.get("task"))
            await params.result_callback({"tools": found, "call_with": USE_TOOL})
            return
        name, arguments = called_tool(params.function_name, params.arguments)
        if name not in registry.offer(realtime=realtime).names():
            await params.result_callback({"error": f"there is no tool called {name}"})
            return
        answer = await call_tool(name, arguments, "model")
        result = await function_result(params.llm, answer)
        silent = FunctionCallResultProperties(run_llm=False)
        if answer.question_id:
            # Not in the model's words, which might ask about something harmless.
            heard = partial(call_tool.question_heard, answer.question_id)
            await params.llm.push_frame(QuestionFrame(answer.spoken, heard))
        await params.result_callback(
            result, properties=silent if answer.quoted or answer.question_id else None
        )

    # Also those that the model has to look for: it may call them by their own names.
    for name in (*registry.offer(realtime=realtime).names(), FIND_TOOL, USE_TOOL):
        service.register_function(name, run_tool)
    context.set_tools(tools_schema(registry, realtime=realtime))


def tools_schema(registry: ToolRegistry, *, realtime: bool = False) -> ToolsSchema:
    """The tools in the order of their names, as the beginning of a prompt must not change."""
    functions = registry.offer(realtime=realtime).functions
    return ToolsSchema(
        standard_tools=[
            FunctionSchema(
                name=function["name"],
                description=function["description"],
                properties=function["parameters"].get("properties", {}),
                required=function["parameters"].get("required", []),
            )
            for function in sorted(functions, key=lambda function: str(function["name"]))
        ]
    )


async def function_result(service: LLMService[Any], answer: ToolResult) -> dict[str, Any]:
    """The result of a tool for the model.

    A quoted answer holds words of others: it is spoken to the user and kept from the model.
    """
    if not answer.quoted:
        return {"spoken": answer.spoken, **answer.data}
    await service.push_frame(TTSSpeakFrame(answer.spoken, append_to_context=False))
    return {"read_to_the_user": True, **answer.data}
