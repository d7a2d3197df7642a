"""Calls the tools of one session and records each call with its result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.conversation import EventKind
from appliance.languages.phrases import phrases, translated
from appliance.tools import ToolContext, ToolResult
from appliance.tools.registry import Match, ToolRegistry
from appliance.voice.recorder import Recorder


@dataclass(slots=True)
class ToolCaller:
    """Calls tools on behalf of one session, which is their `context`."""

    registry: ToolRegistry
    context: ToolContext
    recorder: Recorder

    async def __call__(self, name: str, arguments: Mapping[str, Any], via: str) -> ToolResult:
        """Runs a tool; `via` is what asked for it: "sentence" or "model"."""
        self._record_call(name, arguments, via)
        answer = await self.registry.call(name, arguments, self.context, via)
        self._record_result(name, answer)
        return answer

    async def call_ahead(self, match: Match) -> ToolResult:
        """Runs a tool that is `read_only` before the turn is over.

        The call is not recorded: it may have been in vain.
        """
        assert match.tool.read_only
        return await self.registry.call(match.tool.name, match.arguments, self.context, "sentence")

    def record(self, match: Match, answer: ToolResult) -> None:
        """Records a call that was made ahead, and counts now."""
        self._record_call(match.tool.name, match.arguments, "sentence")
        self._record_result(match.tool.name, answer)

    def _record_call(self, name: str, arguments: Mapping[str, Any], via: str) -> None:
        self.recorder.emit(EventKind.TOOL_CALL, tool=name, arguments=dict(arguments), via=via)

    def _record_result(self, name: str, answer: ToolResult) -> None:
        self.recorder.emit(
            EventKind.TOOL_RESULT, tool=name, spoken=answer.spoken, data=dict(answer.data)
        )

    def match(self, text: str) -> Match | None:
        """The tool that the text asks for; a yes or no only counts where this session was asked."""
        language = self.context.spoken_language
        return self.registry.match(text, self.context.session_id, language)

    def phrase(self, key: str) -> str:
        """What the appliance says by itself (`appliance.languages`), in the user's language."""
        return phrases(self.context.spoken_language).say(key)

    def translated(self, sentence: str) -> str:
        """One of the appliance's own English sentences in the user's language, if it is known."""
        return translated(sentence, self.context.spoken_language)

    def question_heard(self, question_id: str) -> None:
        """The user has heard a tool's question to its end; a yes to it counts from now on."""
        self.registry.question_heard(self.context.session_id, question_id)

    def assistant_spoke(self) -> None:
        """The assistant begins to speak: a question before that can no longer be answered."""
        self.registry.assistant_spoke(self.context.session_id)

    def interrupted(self) -> None:
        """The user begins to speak: a question that is not heard to its end is withdrawn."""
        self.registry.interrupted(self.context.session_id)

    def turn_started(self, text: str) -> None:
        """Withdraws what waits for a yes or no, if the text is neither."""
        language = self.context.spoken_language
        self.registry.user_turn(text, self.context.session_id, language)
