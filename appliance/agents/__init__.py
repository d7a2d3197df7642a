"""Agents: workers outside the appliance that take a text and work on it for minutes or hours.

    tools ─► Dispatcher.accept ─► a queue per agent ─► Agent.work ─► AgentOutcome
                    └─► TaskStore: a row from the moment the task is accepted

An agent's text is data: neither the appliance nor its language model takes it for a command.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from appliance.conversation import Task


@dataclass(frozen=True, slots=True)
class AgentProgress:
    """A message of an agent about what it says or does while it works."""

    text: str


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The agent's own id of the session in which it works; with it, the work can be resumed."""

    agent_session: str


AgentEvent = AgentProgress | SessionStarted
Report = Callable[[AgentEvent], None]


@dataclass(frozen=True, slots=True)
class AgentOutcome:
    """The end of a task: the agent's answer, or its reason why there is none.

    `cost` is in US dollars; None if the agent does not report it.
    """

    ok: bool
    text: str
    cost: float | None = None


class Agent(Protocol):
    """A worker that works on one task at a time."""

    @property
    def name(self) -> str:
        """The name in the configuration and the database: "claude"."""

    @property
    def title(self) -> str:
        """The spoken name, for the beginning of a sentence: "Claude Code"."""

    @property
    def seconds(self) -> float:
        """The time limit of a task."""

    def check(self) -> None:
        """Raises AgentError if it is already clear that the agent cannot work."""

    async def work(self, task: Task, report: Report) -> AgentOutcome:
        """Does a task; resumes `task.agent_session` if there is one. Raises AgentError.

        Once it has returned, raised or been cancelled, no process of the task runs any more.
        """
