"""Confirmations: the appliance's own question before an act, and the user's yes or no to it.

    asked ─► heard to its end ─► yes: the call runs, once
       └─────────┴─────────────► no, other words, other speech of the assistant, time-out: nothing

A question belongs to one call, with its arguments, and to one session. The appliance speaks it word
for word, also where a language model called the tool; neither a model nor an agent can answer it.
"""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from appliance.languages.phrases import phrases
from appliance.tools import Tool, ToolContext, ToolResult

ANSWER_SECONDS = 30.0  # a yes later than this answers something else
LONGEST_RUN = 600.0  # seconds; the confirmed tool has its own, shorter time limit


@dataclass(frozen=True, slots=True)
class PendingConfirmation:
    """A call that waits for the user's yes until `until`, by the clock of the questions.

    A yes counts only once the question has been `heard` to its end.
    """

    tool: Tool
    arguments: Mapping[str, Any]
    question: str
    id: str
    until: float
    heard: bool = False

    @property
    def result(self) -> ToolResult:
        """The result of the call that asks the question."""
        data = {"asked_the_user": self.question, "done": False}
        return ToolResult(self.question, data, question_id=self.id)


class PendingConfirmations:
    """The pending questions, at most one a session. `now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._pending: dict[str, PendingConfirmation] = {}
        self._ids = itertools.count(1)

    def ask(
        self, session_id: str, tool: Tool, arguments: Mapping[str, Any], question: str
    ) -> PendingConfirmation | None:
        """Makes a call wait; None while another question of the session is not heard yet."""
        waiting = self.get(session_id)
        if waiting is not None and not waiting.heard:
            return None
        until = self._now() + ANSWER_SECONDS
        made = PendingConfirmation(tool, arguments, question, str(next(self._ids)), until)
        self._pending[session_id] = made
        return made

    def get(self, session_id: str) -> PendingConfirmation | None:
        """The pending question of a session."""
        pending = self._pending.get(session_id)
        if pending is not None and pending.until <= self._now():
            del self._pending[session_id]
            return None
        return pending

    def question_heard(self, session_id: str, question_id: str) -> None:
        """The question was heard to its end; from now on a yes counts."""
        pending = self.get(session_id)
        if pending is not None and pending.id == question_id:
            until = self._now() + ANSWER_SECONDS
            self._pending[session_id] = replace(pending, heard=True, until=until)

    def assistant_spoke(self, session_id: str) -> None:
        """The assistant says something: a yes would answer that, not a question heard before."""
        pending = self.get(session_id)
        if pending is not None and pending.heard:
            self.withdraw(session_id)

    def interrupted(self, session_id: str) -> None:
        """The user speaks: a question that is not heard yet will not be."""
        pending = self.get(session_id)
        if pending is not None and not pending.heard:
            self.withdraw(session_id)

    def take(self, session_id: str) -> PendingConfirmation | None:
        """Returns the pending question, which then is pending no longer."""
        pending = self.get(session_id)
        self.withdraw(session_id)
        return pending

    def withdraw(self, session_id: str) -> None:
        """Drops the pending question, if there is one."""
        self._pending.pop(session_id, None)


Perform = Callable[[Tool, Mapping[str, Any], ToolContext], Awaitable[ToolResult]]


def answer_tools(questions: PendingConfirmations, perform: Perform) -> tuple[Tool, ...]:
    """confirm and decline; `perform` runs the confirmed call."""

    async def confirm(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        pending = questions.take(context.session_id)
        if pending is None:
            return ToolResult(
                phrases(context.spoken_language).say("nothing_to_confirm"), {"confirmed": None}
            )
        if not pending.heard:
            # A yes over the question: it is asked again, and may be heard to its end this time.
            call = pending.tool, pending.arguments, pending.question
            again = questions.ask(context.session_id, *call)
            assert again is not None  # none was pending any more
            return again.result
        result = await perform(pending.tool, pending.arguments, context)
        confirmed = {"confirmed": pending.tool.name, "arguments": dict(pending.arguments)}
        return replace(result, data={**result.data, **confirmed})

    async def decline(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        pending = questions.take(context.session_id)
        return ToolResult(
            phrases(context.spoken_language).say("declined"),
            {"declined": pending.tool.name if pending else None},
        )

    return (
        Tool(
            "confirm",
            "Does what the assistant has just asked about.",
            confirm,
            timeout=LONGEST_RUN,
            spoken_only=True,
            answers=True,
        ),
        Tool(
            "decline",
            "Leaves what the assistant has just asked about.",
            decline,
            spoken_only=True,
            answers=True,
        ),
    )
