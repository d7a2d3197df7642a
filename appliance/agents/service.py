"""Work that others do: the agents, their tasks, the servers of tools, and who is told of them."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Protocol

from appliance.agents import Agent
from appliance.agents.claude import ClaudeCode
from appliance.agents.dispatcher import Dispatcher
from appliance.agents.process import end_marked
from appliance.agents.task_phrases import announcement
from appliance.agents.task_tools import task_tools
from appliance.agents.team import Team
from appliance.agents.tools import claude_tools, team_tools
from appliance.concurrency import BackgroundTasks
from appliance.config.loader import Config
from appliance.conversation import Task
from appliance.store.tasks import StoredTasks
from appliance.tools import Tool
from appliance.tools.mcp import MCPServer, Put
from appliance.wire import AgentSaidMessage, ServerMessage, TaskUpdateMessage

log = logging.getLogger(__name__)


class Listeners(Protocol):
    """Whoever is connected."""

    def send_message(self, message: ServerMessage, client_id: str = "") -> None:
        """Sends every page a message, or those of one client."""

    async def send_to_users(self, message: ServerMessage) -> None:
        """Sends a message to every page but those of guests."""

    async def say_at_pause(self, text: str, task: Task) -> bool:
        """Says what became of a task; False where nobody was there to hear it."""


class Page(Protocol):
    """One page that has just been opened."""

    @property
    def client_id(self) -> str: ...

    def send_message(self, message: ServerMessage) -> None: ...


class AgentService:
    """The agents and servers of the configuration. None of them is needed for talking."""

    def __init__(
        self,
        config: Config,
        secrets: Mapping[str, str],
        environ: Mapping[str, str],
        kept: StoredTasks,
        listeners: Listeners,
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._kept = kept
        self._listeners = listeners
        self._opening = asyncio.Event()
        self._saying = BackgroundTasks()
        self._showing = asyncio.Lock()
        agents = config.agents
        token = secrets.get("TEAM_TOKEN", "")
        self._team = Team(agents.team, token, self._team_said) if agents.team.url else None
        claude = ClaudeCode(agents.claude, environ) if agents.claude.enabled else None
        workers: list[Agent] = [agent for agent in (self._team, claude) if agent is not None]
        self.dispatcher = Dispatcher(workers, kept, time.time, self._changed, self._ended)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools of the agents that there are."""
        found: list[Tool] = []
        if self._team is not None:
            found += team_tools(self.dispatcher, self._team)
        if "claude" in self.dispatcher.agents:
            found += claude_tools(self.dispatcher)
        if found:
            found += task_tools(self.dispatcher, self._kept)
        return tuple(found)

    async def run(self, put: Put) -> None:
        """Serves agents and servers until cancelled; `put` takes in the servers' tools."""
        await self._restore()
        async with asyncio.TaskGroup() as group:
            if self._team is not None:
                group.create_task(self._team.run())
            for name, server in self._config.tools.mcp.items():
                token = self._secrets.get(mcp_secret(name), "")
                group.create_task(MCPServer(name, server, token, put).run())

    async def _restore(self) -> None:
        """Reports what was cut off, once nothing of it runs any more."""
        kept = await asyncio.to_thread(self._kept.unsettled)
        for task in kept:
            if not task.state.ended:
                killed = await asyncio.to_thread(end_marked, task.id)
                log.info("task %s was cut off; ended %d of its processes", task.id, killed)
        self.dispatcher.restore(kept)

    async def close(self) -> None:
        """Interrupts all tasks; the next start reports them, and what nobody has heard yet."""
        await self._saying.cancel()
        await self.dispatcher.close()

    async def cancel(self, task_id: str) -> Task | None:
        """Ends a task for good; None where it has ended already."""
        return await self.dispatcher.stop(task_id)

    async def forget(self, conversation_id: str) -> None:
        """Ends the tasks of a conversation that is about to be forgotten."""
        for task in self.dispatcher.active():
            if task.conversation_id == conversation_id:
                await self.dispatcher.stop(task.id)

    def opened(self, page: Page) -> None:
        """Shows a new page its tasks, and says what nobody has heard yet."""
        for task in self.dispatcher.active(client_id=page.client_id):
            page.send_message(task_update(task))
        self._opening.set()
        self._opening = asyncio.Event()

    def _changed(self, task: Task) -> None:
        self._listeners.send_message(task_update(task), task.client_id)

    def _ended(self, task: Task) -> None:
        self._saying.run(self._say(task), f"say how task {task.id} ended")

    def _team_said(self, text: str) -> None:
        self._saying.run(self._show(text), "show what the team said")

    async def _show(self, text: str) -> None:
        async with self._showing:  # in the order in which it was said
            await self._listeners.send_to_users(AgentSaidMessage("team", text))

    async def _say(self, task: Task) -> None:
        """Says how a task ended, as soon as there is somebody to hear it and a pause."""
        agent = self.dispatcher.agents.get(task.agent)
        text = announcement(task, agent.title if agent else task.agent)
        opening = self._opening
        while not await self._listeners.say_at_pause(text, task):
            await opening.wait()
            opening = self._opening
        self.dispatcher.announced(task)


def task_update(task: Task) -> TaskUpdateMessage:
    """A task as the page shows it; the page asks for the full text."""
    return TaskUpdateMessage(
        id=task.id,
        agent=task.agent,
        state=task.state,
        request=task.request[:200],
        progress=task.progress,
        created_at=task.created_at,
        updated_at=task.updated_at,
    )


def mcp_secret(name: str) -> str:
    """The secret that a server of tools is shown."""
    return f"MCP_{name.upper()}_TOKEN"
