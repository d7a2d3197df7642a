"""Agents: workers outside the appliance that take a text and work at it for minutes or hours.

    tools ─► Dispatcher.accept ─► a line per agent ─► Agent.work ─► Outcome
                    └─► TaskStore: a row from the moment it is accepted

What an agent says is data. Nothing here, and nobody who is told of it, takes it for a command.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from appliance.conversation import Task


@dataclass(frozen=True, slots=True)
class AgentProgress:
    """Something an agent said or did on its way."""

    text: str


@dataclass(frozen=True, slots=True)
class SessionKnown:
    """What the agent itself calls the work; with it, the work can be resumed."""

    agent_session: str


Happening = AgentProgress | SessionKnown
Report = Callable[[Happening], None]


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """What became of a task: the agent's answer, or its own word on why there is none.

    `cost` is in US dollars, None where the agent does not tell.
    """

    ok: bool
    text: str
    cost: float | None = None


class Agent(Protocol):
    """A worker. It works at one task at a time."""

    @property
    def name(self) -> str:
        """As in the configuration and the database: "claude"."""

    @property
    def title(self) -> str:
        """As said aloud, at the beginning of a sentence: "Claude Code"."""

    @property
    def seconds(self) -> float:
        """The longest a task may take."""

    def check(self) -> None:
        """Raises AgentError where it is clear at once that it cannot work."""

    async def work(self, task: Task, report: Report) -> AgentOutcome:
        """Does a task; resumes `task.agent_session` where there is one.

        Raises AgentError. When it returns, raises or is cancelled, nothing of it runs any more.
        """
