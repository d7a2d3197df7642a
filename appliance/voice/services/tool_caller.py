"""Calls the tools of one session and records each call with its result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.conversation import EventKind
from appliance.tools import ToolContext, ToolResult
from appliance.tools.registry import Match, ToolRegistry
from appliance.voice.recorder import Recorder


@dataclass(slots=True)
class ToolCaller:
    """Calls tools for one session and writes down each call and result."""

    registry: ToolRegistry
    context: ToolContext
    recorder: Recorder

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> ToolResult:
        """Runs a tool; `via` says who asked: "sentence" or "model"."""
        self.recorder.emit(EventKind.TOOL_CALL, tool=name, arguments=dict(arguments), via=via)
        answer = await self.registry.call(name, arguments, self.context, via)
        self.recorder.emit(
            EventKind.TOOL_RESULT, tool=name, spoken=answer.spoken, data=dict(answer.data)
        )
        return answer

    def match(self, text: str) -> Match | None:
        """The tool that the user asks for; a yes or no only where this session was asked."""
        return self.registry.match(text, self.context.session_id)

    def turn_started(self, text: str) -> None:
        """Anything but a yes or no withdraws what waits for one."""
        self.registry.user_turn(text, self.context.session_id)
