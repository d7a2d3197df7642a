"""A yes or no on the Realtime route: the model hears it too, but only ours of it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.tools import ToolResult
from appliance.tools.registry import Match
from appliance.voice.services.tool_caller import ToolCaller


@dataclass(slots=True)
class Confirming:
    """Calls tools as `call` does, and knows which words answer a question that one asked.

    What was said to bring the question about may be known only after it was asked, so turns are
    counted as they begin.
    """

    call: ToolCaller
    _begun: int = 0
    _asked: int = 0

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> ToolResult:
        answer = await self.call(name, arguments, via)
        if "asked_the_user" in answer.data:
            self._asked = self._begun
        return answer

    def turn_begins(self) -> None:
        """The user begins to speak, or has typed something."""
        self._begun += 1

    def heard(self, text: str) -> Match | None:
        """What the user's words ask for, if they are the answer to a question."""
        if self._begun <= self._asked:
            return None
        self.call.turn_started(text)
        match = self.call.match(text)
        return match if match is not None and match.tool.answers else None
