"""The appliance's tools as functions of a language model, whichever way it is spoken to."""

from typing import Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams, LLMService

from appliance.tools.registry import Registry
from appliance.voice.intents import ToolCaller


def offer(
    service: LLMService[Any],
    context: LLMContext,
    registry: Registry,
    call: ToolCaller,
    *,
    realtime: bool = False,
) -> None:
    """Has the service call tools; with `realtime`, only those that may run on that route."""

    async def run_tool(params: FunctionCallParams) -> None:
        answer = await call(params.function_name, params.arguments, "model")
        if answer.quoted:
            # Somebody else's words: said to the user, and kept from the model.
            await params.llm.push_frame(TTSSpeakFrame(answer.spoken, append_to_context=False))
            said = {"read_to_the_user": True, **answer.data}
            silent = FunctionCallResultProperties(run_llm=False)
            await params.result_callback(said, properties=silent)
            return
        result: dict[str, Any] = {"spoken": answer.spoken, **answer.data}
        await params.result_callback(result)

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
