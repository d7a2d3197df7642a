"""Confirmations: "Shall I ...?", and the tools that take the user's yes or no.

A question waits in its session for the very next thing the user says, half a minute at most. Only
a spoken or typed yes of the user's carries it out; models and agents cannot answer it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.tools import Tool, ToolContext, ToolResult

PATIENCE = 30.0  # seconds; a yes later than this is a yes to something else
LONGEST_RUN = 600.0  # seconds; what is confirmed keeps its own, shorter time limit


@dataclass(frozen=True, slots=True)
class PendingConfirmation:
    """A call that waits for the user's yes until `until`, by the clock of the questions."""

    tool: Tool
    arguments: Mapping[str, Any]
    until: float


class PendingConfirmations:
    """The open questions, at most one a session."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._asked: dict[str, PendingConfirmation] = {}

    def ask(self, session_id: str, tool: Tool, arguments: Mapping[str, Any]) -> None:
        """Has a call wait, instead of any other in its session."""
        now = self._now()
        self._asked = {key: asked for key, asked in self._asked.items() if asked.until > now}
        self._asked[session_id] = PendingConfirmation(tool, arguments, now + PATIENCE)

    def waits(self, session_id: str) -> bool:
        asked = self._asked.get(session_id)
        return asked is not None and asked.until > self._now()

    def take(self, session_id: str) -> PendingConfirmation | None:
        """The call that waits, which then waits no longer."""
        asked = self._asked.pop(session_id, None)
        return asked if asked is not None and asked.until > self._now() else None

    def withdraw(self, session_id: str) -> None:
        """Forgets what waits; nothing waiting is no error."""
        self._asked.pop(session_id, None)


Perform = Callable[[Tool, Mapping[str, Any], ToolContext], Awaitable[ToolResult]]


def answer_tools(questions: PendingConfirmations, perform: Perform) -> tuple[Tool, ...]:
    """confirm and decline; `perform` runs what was confirmed."""

    async def confirm(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        asked = questions.take(context.session_id)
        if asked is None:
            return ToolResult("There is nothing to confirm.", {"confirmed": None})
        answer = await perform(asked.tool, asked.arguments, context)
        confirmed = {"confirmed": asked.tool.name, "arguments": dict(asked.arguments)}
        return ToolResult(answer.spoken, {**answer.data, **confirmed}, answer.silent, answer.quoted)

    async def decline(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        asked = questions.take(context.session_id)
        return ToolResult("Okay, I won't.", {"declined": asked.tool.name if asked else None})

    return (
        Tool(
            "confirm",
            "Does what the assistant has just asked about.",
            confirm,
            sentences=(
                "(yes|yeah|yep|yes please|sure|of course|certainly|go ahead|do it|do that)",
                "(yes|yeah|sure) (do it|do that|go ahead|you shall|you may)",
                "(confirm|i confirm|that is right|that's right|correct)",
            ),
            timeout=LONGEST_RUN,
            spoken_only=True,
            answers=True,
        ),
        Tool(
            "decline",
            "Leaves what the assistant has just asked about.",
            decline,
            sentences=(
                "(no|nope|no thanks|no thank you|don't|do not|better not|rather not)",
                "no (don't|do not|don't do it|leave it|stop)",
                "(don't do it|do not do it|leave it|cancel|cancel that)",
            ),
            spoken_only=True,
            answers=True,
        ),
    )
