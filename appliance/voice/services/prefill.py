"""Keeps the beginning of the next question computed, so that the model's first word comes soon.

A model that runs here computes a prompt once and keeps it: of a question that begins with the same
system prompt, tools and turns, only the new words are left to compute. So they are sent ahead:
when the model has been loaded, when a session opens, and after each answer.
"""

from typing import Any

from pipecat.adapters.llm.services.open_ai_adapter import OpenAILLMAdapter
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregator

from appliance.tools.registry import ToolRegistry
from appliance.voice.services.function_calling import tools_schema
from appliance.voice.services.llm import ChatService


async def opening_of_every_session(system_prompt: str, registry: ToolRegistry) -> dict[str, Any]:
    """The system prompt and the tools as every session sends them, as a body for the model."""
    context = LLMContext()
    context.set_tools(tools_schema(registry))
    params: Any = await OpenAILLMAdapter().get_llm_invocation_params(
        context, system_instruction=system_prompt, convert_developer_to_user=True
    )
    return {"messages": params["messages"], "tools": params["tools"]}


def prefill_between_turns(
    worker: PipelineWorker,
    assistant: LLMAssistantAggregator,
    service: ChatService,
    context: LLMContext,
) -> None:
    """Sends the conversation ahead as the session opens, and after each answer."""

    @worker.event_handler("on_pipeline_started")
    async def opened(*_args: object) -> None:
        await service.prefill(context)

    @assistant.event_handler("on_assistant_turn_stopped")
    async def answered(*_args: object) -> None:
        await service.prefill(context)
