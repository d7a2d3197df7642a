"""Work handed to agents by voice: the agent team, and Claude Code.

The answer is "On it" at once; what comes of it is a task (`task_tools`).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from appliance.agents.dispatcher import Dispatcher, Origin
from appliance.conversation import TaskState
from appliance.text import phrasing
from appliance.tools import Answer, Tool, ToolContext

# As a recogniser may write it that has never heard of it.
_CLAUDE = {"claude": "(claude|claude code|cloud code)"}

LONGEST_REQUEST = 8_000  # characters; a sentence is short, but a text may be typed


class Controls(Protocol):
    """What can be done to an agent team as a whole. Both raise AgentError."""

    async def pause(self) -> None: ...

    async def reset(self) -> None: ...


def origin(surroundings: ToolContext) -> Origin:
    """Who asks, as a task remembers it."""
    return Origin(surroundings.conversation_id, surroundings.session_id, surroundings.client_id)


async def handed_over(
    dispatcher: Dispatcher,
    agent: str,
    request: str,
    surroundings: ToolContext,
    *,
    follows: bool = True,
    agent_session: str = "",
) -> Answer:
    """Gives an agent a task and answers at once. Raises AgentError where it does not take it."""
    waiting = len(dispatcher.active(agent))
    task = await dispatcher.accept(
        agent, request, origin(surroundings), follows=follows, agent_session=agent_session
    )
    behind = f", after {phrasing.counted(waiting, 'other task')}" if waiting else ""
    return Answer(f"On it{behind}.", {"task": task.id, "state": task.state.value, "agent": agent})


def team_tools(dispatcher: Dispatcher, team: Controls) -> tuple[Tool, ...]:
    """send_to_nested, pause and reset."""
    return (_send_to_nested(dispatcher), _pause(team), _reset(dispatcher, team))


def claude_tools(dispatcher: Dispatcher) -> tuple[Tool, ...]:
    """send_to_claude_code and pause_claude_code."""
    return (_send_to_claude_code(dispatcher), _pause_claude_code(dispatcher))


def _send_to_nested(dispatcher: Dispatcher) -> Tool:
    async def send(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        text = arguments.get("text", "").strip()
        if not text:
            return Answer("What shall I tell the team? Say tell the team, and then the message.")
        return await handed_over(dispatcher, "team", text, surroundings)

    return Tool(
        "send_to_nested",
        "Sends a message or a piece of work to the agent team. Its answer is announced later.",
        send,
        _text("What the team is told, complete and in the user's words."),
        sentences=(
            "(tell|ask) the [agent] team [to|that] {text}",
            "(tell|ask) the agents [to|that] {text}",
            "(send|say|pass) {text} to the [agent] (team|agents)",
            "send (this|that|it|a message) to the [agent] team",
            "send [{text}] to nested",
        ),
        ability="pass work on to the agent team",
        guests=False,
    )


def _pause(team: Controls) -> Tool:
    async def pause(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        await team.pause()
        return Answer("The team is told to pause.", {"paused": True})

    return Tool(
        "pause",
        "Pauses the agent team.",
        pause,
        sentences=(
            "pause [the] [agent] [team|agents|work]",
            "(hold|hold on|stop) the [agent] (team|agents)",
            "tell the [agent] team to (pause|wait|stop)",
        ),
        guests=False,
    )


def _reset(dispatcher: Dispatcher, team: Controls) -> Tool:
    async def reset(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        await team.reset()
        for task in dispatcher.active("team"):
            await dispatcher.stop(task.id)
        return Answer("The team is told to start over.", {"reset": True})

    return Tool(
        "reset",
        "Has the agent team drop everything it was doing and start over.",
        reset,
        sentences=(
            "reset [the] [agent] [team|agents]",
            "tell the [agent] team to start over",
        ),
        confirm=True,
        question="Shall I reset the team? It drops everything it is doing.",
        guests=False,
    )


def _send_to_claude_code(dispatcher: Dispatcher) -> Tool:
    async def send(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        text = arguments.get("text", "").strip()
        if not text:
            return Answer("What shall I tell Claude? Say tell Claude to, and then the task.")
        follows = not arguments.get("new", False)
        return await handed_over(dispatcher, "claude", text, surroundings, follows=follows)

    new = {"type": "boolean", "description": "True to begin without what was said to it before."}
    return Tool(
        "send_to_claude_code",
        "Gives Claude Code, a programmer on this device, a task. Its answer is announced later.",
        send,
        _text("What Claude Code is told, complete and in the user's words.", new=new),
        sentences=(
            "(tell|ask) <claude> [to|that] {text}",
            "(send|give|pass) {text} to <claude>",
            "{fresh:new} <claude> (task|session) [to] {text}",
        ),
        lists={"fresh": {"start a new": True, "begin a new": True, "new": True}},
        rules=_CLAUDE,
        ability="give tasks to Claude Code",
        guests=False,
    )


def _pause_claude_code(dispatcher: Dispatcher) -> Tool:
    async def pause(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        running = dispatcher.active("claude")
        for task in running:
            await dispatcher.stop(task.id, TaskState.INTERRUPTED)
        if not running:
            return Answer("Claude Code is not working on anything.", {"paused": 0})
        said = "Claude Code is paused. Say continue the task to resume it."
        return Answer(said, {"paused": len(running)})

    return Tool(
        "pause_claude_code",
        "Stops Claude Code where it is; its task can be continued later.",
        pause,
        sentences=(
            "(pause|stop|interrupt|hold) <claude>",
            "tell <claude> to (pause|stop|wait)",
        ),
        rules=_CLAUDE,
        # Ending a process and what it started may take a moment.
        timeout=20.0,
        guests=False,
    )


def _text(description: str, **others: Mapping[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "maxLength": LONGEST_REQUEST, "description": description}
    return {"type": "object", "properties": {"text": text, **others}}
