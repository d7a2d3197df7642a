"""The configured agents and MCP servers, and the announcement of tasks to connected clients."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from typing import Any, Protocol

from appliance.agents import Agent
from appliance.agents.claude import CLAUDE_KEY, ClaudeCode
from appliance.agents.dispatcher import Dispatcher, Origin
from appliance.agents.process import end_marked
from appliance.agents.task_phrases import announcement
from appliance.agents.team import Team
from appliance.agents.tools import CONTINUE_REQUEST, claude_tools, task_tools, team_tools
from appliance.concurrency import BackgroundTasks
from appliance.config.loader import Config
from appliance.config.programs import program_faults
from appliance.conversation import Task
from appliance.errors import AgentError
from appliance.store.tasks import StoredTasks
from appliance.tools import Tool
from appliance.tools.mcp import PutTools
from appliance.tools.mcp_servers import MCPServers
from appliance.wire import (
    AgentSaidMessage,
    ConnectedClient,
    ServerMessage,
    TaskUpdateMessage,
)

log = logging.getLogger(__name__)


class TaskAudience(Protocol):
    """The connected clients, as far as tasks are announced to them."""

    def send_message(self, message: ServerMessage, client_id: str = "") -> None:
        """Sends a message to all clients, or to one."""

    async def send_to_users(self, message: ServerMessage) -> None:
        """Sends a message to all clients but guests."""

    async def say_at_pause(self, text: str, task: Task) -> bool:
        """Says how a task ended at the next pause; False if nobody could hear it."""


class AgentService:
    """Runs the configured agents and MCP servers. A conversation needs none of them."""

    def __init__(
        self,
        config: Config,
        secrets: Mapping[str, str],
        environ: Mapping[str, str],
        store: StoredTasks,
        audience: TaskAudience,
    ) -> None:
        self._config = config
        self._store = store
        self._audience = audience
        self._next_connection = asyncio.Event()
        self._background = BackgroundTasks()
        self._team_messages = asyncio.Lock()
        agents = self._agents = config.agents
        token = secrets.get("TEAM_TOKEN", "")
        has_team = agents.team.enabled and agents.team.url
        self._team = Team(agents.team, token, self._on_team_message) if has_team else None
        self.servers = MCPServers(config.tools.mcp, lambda name: secrets.get(mcp_secret(name), ""))
        key = {name: secrets[name] for name in (CLAUDE_KEY,) if name in secrets}
        claude = ClaudeCode(agents.claude, {**environ, **key}) if agents.claude.enabled else None
        workers: list[Agent] = [agent for agent in (self._team, claude) if agent is not None]
        self.dispatcher = Dispatcher(workers, store, time.time, self._on_changed, self._on_ended)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools of the configured agents."""
        tools: list[Tool] = []
        if self._team is not None:
            tools += team_tools(self.dispatcher, self._team)
        if "claude" in self.dispatcher.agents:
            tools += claude_tools(self.dispatcher)
        if tools:
            tools += task_tools(self.dispatcher, self._store)
        return tuple(tools)

    async def run(self, put: PutTools) -> None:
        """Runs agents and MCP servers until cancelled; `put` registers the servers' tools."""
        for fault in program_faults(self._config, os.environ):
            log.warning("%s", fault)
        await self._restore()
        async with asyncio.TaskGroup() as group:
            if self._team is not None:
                group.create_task(self._team.run())
            group.create_task(self.servers.run(put))

    async def _restore(self) -> None:
        """Kills what is left of tasks that a crash cut off, then announces these tasks."""
        unsettled = await asyncio.to_thread(self._store.unsettled)
        for task in unsettled:
            if not task.state.ended:
                killed = await asyncio.to_thread(end_marked, task.id)
                log.info("task %s was cut off; ended %d of its processes", task.id, killed)
        self.dispatcher.restore(unsettled)

    def states(self) -> list[dict[str, Any]]:
        """The agents of the configuration for JSON, and why one of them cannot work."""
        team, claude = self._agents.team, self._agents.claude
        return [
            self._state("team", on=team.enabled, configured=bool(team.url)),
            self._state("claude", on=claude.enabled, configured=True),
        ]

    def _state(self, name: str, *, on: bool, configured: bool) -> dict[str, Any]:
        agent = self.dispatcher.agents.get(name)
        state, error = "off" if configured else "unconfigured", ""
        if agent is not None:
            state = "ready"
            if agent is self._team and not self._team.is_connected:
                state = "connecting"
            try:
                agent.check()
            except AgentError as fault:
                state, error = "failed", f"{fault.message}. {fault.advice}"
        return {"name": name, "on": on, "state": state, "error": error}

    async def close(self) -> None:
        """Interrupts all tasks; the next start announces them, and those not announced yet."""
        await self._background.cancel()
        await self.dispatcher.close()

    async def cancel(self, task_id: str) -> Task | None:
        """Ends a task, never to be resumed; None if it has ended already."""
        return await self.dispatcher.stop(task_id)

    async def follow_up(self, task: Task, text: str, client_id: str) -> Task:
        """Gives the agent of a task that has ended more to do where it stopped.

        Without a `text` it goes on; work that never began is begun from its request. Raises
        AgentError where the agent is not there or still at work on it, and StoreError.
        """
        if task.agent not in self.dispatcher.agents:
            raise AgentError(
                f"the agent {task.agent} is not set up any more",
                advice="An administrator of the appliance can set it up in its configuration.",
            )
        # The database may not have heard of the end yet.
        if task.id in {active.id for active in self.dispatcher.active(task.agent)}:
            raise AgentError("the agent is still at work on this task", advice="Wait for its end.")
        request = text or (CONTINUE_REQUEST if task.agent_session else task.request)
        origin = Origin(task.conversation_id, task.session_id, client_id)
        return await self.dispatcher.accept(
            task.agent, request, origin, agent_session=task.agent_session
        )

    def works_for(self, conversation_id: str) -> bool:
        """Whether a task of the conversation runs or waits for its agent."""
        return any(task.conversation_id == conversation_id for task in self.dispatcher.active())

    async def forget(self, conversation_id: str) -> None:
        """Ends the tasks of a conversation that is about to be deleted."""
        for task in self.dispatcher.active():
            if task.conversation_id == conversation_id:
                await self.dispatcher.stop(task.id)

    def client_connected(self, client: ConnectedClient) -> None:
        """Sends a new client its tasks, and makes the pending announcements."""
        for task in self.dispatcher.active(client_id=client.client_id):
            client.send_message(task_update(task))
        self._next_connection.set()
        self._next_connection = asyncio.Event()

    def _on_changed(self, task: Task) -> None:
        self._audience.send_message(task_update(task), task.client_id)

    def _on_ended(self, task: Task) -> None:
        self._background.run(self._announce(task), f"say how task {task.id} ended")

    def _on_team_message(self, text: str) -> None:
        self._background.run(self._send_team_message(text), "show what the team said")

    async def _send_team_message(self, text: str) -> None:
        async with self._team_messages:  # keeps their order
            await self._audience.send_to_users(AgentSaidMessage("team", text))

    async def _announce(self, task: Task) -> None:
        """Says how a task ended, at a pause, as soon as somebody is there to hear it."""
        agent = self.dispatcher.agents.get(task.agent)
        text = announcement(task, agent.title if agent else task.agent)
        connection = self._next_connection
        while not await self._audience.say_at_pause(text, task):
            await connection.wait()
            connection = self._next_connection
        self.dispatcher.announced(task)


def task_update(task: Task) -> TaskUpdateMessage:
    """A task as the page shows it; the page fetches the full text over HTTP."""
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
    """The name of the secret for an MCP server."""
    return f"MCP_{name.upper()}_TOKEN"
