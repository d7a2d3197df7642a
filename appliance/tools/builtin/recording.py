"""Tools that begin and end the recording of a conversation."""

from collections.abc import Mapping
from typing import Any

from appliance.errors import ApplianceError
from appliance.languages.phrases import phrases
from appliance.tools import Tool, ToolContext, ToolResult


def recording_tools() -> tuple[Tool, ...]:
    """start_recording and stop_recording, which guests may not use."""
    return (
        Tool(
            "start_recording",
            "Begins to record the sound of this conversation. Only where the user asks for it.",
            _start,
            guests=False,
        ),
        Tool(
            "stop_recording",
            "Ends the recording of this conversation.",
            _stop,
            guests=False,
        ),
    )


async def _start(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    said = phrases(context.spoken_language)
    if context.recording:
        return ToolResult(said.say("recording_already"), {"recording": True})
    try:
        await context.record(True)
    except ApplianceError as error:
        return ToolResult(said.say("recording_refused"), {"error": error.message})
    return ToolResult(said.say("recording_on"), {"recording": True})


async def _stop(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
    said = phrases(context.spoken_language)
    if not context.recording:
        return ToolResult(said.say("recording_none"), {"recording": False})
    await context.record(False)
    return ToolResult(said.say("recording_off"), {"recording": False})
