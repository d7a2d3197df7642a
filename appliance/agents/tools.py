"""Tools of the agents: hand work to the agent team or Claude Code, and ask about the tasks.

A hand-over answers "On it" at once. Users hear only of their own tasks. An agent's text is read
aloud, and never given to a language model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from appliance.agents import task_phrases
from appliance.agents.dispatcher import Dispatcher, Origin, resumable
from appliance.conversation import Task, TaskState
from appliance.text import phrasing
from appliance.tools import Tool, ToolContext, ToolResult

# Includes how a recogniser may write a name that it does not know.
_CLAUDE = {"claude": "(claude|claude code|cloud code)"}

LONGEST_REQUEST = 8_000  # characters; a text may be typed
CONTINUE_REQUEST = "Go on where you stopped."
MOST_LOOKED_BACK = 20  # ended tasks, among which one to continue is found

_ENDED_STATES = tuple(state for state in TaskState if state.ended)


class TeamControls(Protocol):
    """Controls of an agent team as a whole. Both methods raise AgentError."""

    async def pause(self) -> None: ...

    async def reset(self) -> None: ...


class TaskHistory(Protocol):
    """Looks up ended tasks."""

    async def listed(
        self, limit: int = 50, client_id: str | None = None, states: tuple[TaskState, ...] = ()
    ) -> Sequence[Task]:
        """The newest tasks first."""


def origin(context: ToolContext) -> Origin:
    """The origin of a task that the calling session asks for."""
    return Origin(context.conversation_id, context.session_id, context.client_id)


async def hand_over_task(
    dispatcher: Dispatcher,
    agent: str,
    request: str,
    context: ToolContext,
    *,
    follows: bool = True,
    agent_session: str = "",
) -> ToolResult:
    """Gives an agent a task and answers at once. Raises AgentError if it is not accepted."""
    waiting = len(dispatcher.active(agent))
    task = await dispatcher.accept(
        agent, request, origin(context), follows=follows, agent_session=agent_session
    )
    behind = f", after {phrasing.counted(waiting, 'other task')}" if waiting else ""
    return ToolResult(
        f"On it{behind}.", {"task": task.id, "state": task.state.value, "agent": agent}
    )


def team_tools(dispatcher: Dispatcher, team: TeamControls) -> tuple[Tool, ...]:
    """send_to_nested, pause and reset."""
    return (_send_to_nested(dispatcher), _pause(team), _reset(dispatcher, team))


def claude_tools(dispatcher: Dispatcher) -> tuple[Tool, ...]:
    """send_to_claude_code and pause_claude_code."""
    return (_send_to_claude_code(dispatcher), _pause_claude_code(dispatcher))


def task_tools(dispatcher: Dispatcher, history: TaskHistory) -> tuple[Tool, ...]:
    """list_tasks, cancel_task, read_last_result and continue_task."""
    titles = {name: agent.title for name, agent in dispatcher.agents.items()}
    return (
        _list_tasks(dispatcher, titles),
        _cancel_task(dispatcher),
        _read_last_result(history, titles),
        _continue_task(dispatcher, history),
    )


def _send_to_nested(dispatcher: Dispatcher) -> Tool:
    async def send(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        text = arguments.get("text", "").strip()
        if not text:
            return ToolResult(
                "What shall I tell the team? Say tell the team, and then the message."
            )
        return await hand_over_task(dispatcher, "team", text, context)

    return Tool(
        "send_to_nested",
        "Sends a message or a piece of work to the agent team. Its answer is announced later.",
        send,
        _text_schema("What the team is told, complete and in the user's words."),
        sentences=(
            "(tell|ask) the [agent] team [to|that] {text}",
            "(tell|ask) the agents [to|that] {text}",
            "(send|say|pass) {text} to the [agent] (team|agents)",
            "send (this|that|it|a message) to the [agent] team",
            "send [{text}] to nested",
        ),
        ability="pass work on to the agent team",
        passed_on="text",
        guests=False,
    )


def _pause(team: TeamControls) -> Tool:
    async def pause(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        await team.pause()
        return ToolResult("The team is told to pause.", {"paused": True})

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


def _reset(dispatcher: Dispatcher, team: TeamControls) -> Tool:
    async def reset(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        await team.reset()
        for task in dispatcher.active("team"):
            await dispatcher.stop(task.id)
        return ToolResult("The team is told to start over.", {"reset": True})

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
    async def send(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        text = arguments.get("text", "").strip()
        if not text:
            return ToolResult("What shall I tell Claude? Say tell Claude to, and then the task.")
        follows = not arguments.get("new", False)
        return await hand_over_task(dispatcher, "claude", text, context, follows=follows)

    new = {"type": "boolean", "description": "True to begin without what was said to it before."}
    return Tool(
        "send_to_claude_code",
        "Gives Claude Code, a programmer on this device, a task. Its answer is announced later.",
        send,
        _text_schema("What Claude Code is told, complete and in the user's words.", new=new),
        sentences=(
            "(tell|ask) <claude> [to|that] {text}",
            "(send|give|pass) {text} to <claude>",
            "{fresh:new} <claude> (task|session) [to] {text}",
        ),
        lists={"fresh": {"start a new": True, "begin a new": True, "new": True}},
        rules=_CLAUDE,
        ability="give tasks to Claude Code",
        passed_on="text",
        guests=False,
    )


def _pause_claude_code(dispatcher: Dispatcher) -> Tool:
    async def pause(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        running = dispatcher.active("claude")
        for task in running:
            await dispatcher.stop(task.id, TaskState.INTERRUPTED)
        if not running:
            return ToolResult("Claude Code is not working on anything.", {"paused": 0})
        answer = "Claude Code is paused. Say continue the task to resume it."
        return ToolResult(answer, {"paused": len(running)})

    return Tool(
        "pause_claude_code",
        "Stops Claude Code where it is; its task can be continued later.",
        pause,
        sentences=(
            "(pause|stop|interrupt|hold) <claude>",
            "tell <claude> to (pause|stop|wait)",
        ),
        rules=_CLAUDE,
        # Ending a process and its descendants may take a moment.
        timeout=20.0,
        guests=False,
    )


def _list_tasks(dispatcher: Dispatcher, titles: Mapping[str, str]) -> Tool:
    async def list_tasks(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        running = dispatcher.active(client_id=context.client_id)
        data = {"tasks": [{"agent": task.agent, "state": task.state.value} for task in running]}
        return ToolResult(task_phrases.state(running, titles), data, quoted=bool(running))

    return Tool(
        "list_tasks",
        "Tells which tasks of the agents are running and how far they are.",
        list_tasks,
        sentences=(
            "(what is|what's) running",
            "(what|which) tasks (are|do i have) [running|there|open]",
            "(what is|what's) (claude|claude code|the team|the agent team) (doing|working on)",
            "(how is|how's|how far is|what about) (the task|claude|claude code|the team)",
            "[is there] any progress",
        ),
        ability="tell how their work is going",
        guests=False,
        read_only=True,
    )


def _cancel_task(dispatcher: Dispatcher) -> Tool:
    async def cancel(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        running = dispatcher.active(client_id=context.client_id)
        if not running:
            return ToolResult("No task is running.", {"cancelled": []})
        chosen = running if arguments.get("all") else running[-1:]
        for task in chosen:
            await dispatcher.stop(task.id)
        data = {"cancelled": [task.id for task in chosen]}
        if len(chosen) > 1:
            return ToolResult("All tasks are cancelled.", data)
        return ToolResult(f"Cancelled: {task_phrases.title(chosen[0])}.", data)

    every = {"type": "boolean", "description": "Cancel every task, not just the latest."}
    return Tool(
        "cancel_task",
        "Cancels the latest task of an agent, or all of them.",
        cancel,
        {"type": "object", "properties": {"all": every}},
        sentences=(
            "(cancel|abort|stop) (the|that|this|my) [last|latest] task",
            "(cancel|abort) (that|it)",
            "(cancel|abort|stop) {every:all} [the|my|of the] tasks",
        ),
        lists={"every": {"all": True, "every": True}},
        timeout=20.0,
        guests=False,
    )


def _read_last_result(history: TaskHistory, titles: Mapping[str, str]) -> Tool:
    async def read(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        found = await history.listed(1, context.client_id, _ENDED_STATES)
        if not found:
            return ToolResult("There is no result yet.", {"task": None})
        last = found[0]
        data = {"task": last.id, "state": last.state.value}
        text = task_phrases.reading(last, titles.get(last.agent, last.agent))
        return ToolResult(text, data, quoted=True)

    return Tool(
        "read_last_result",
        "Reads the result of the last task to the user, word by word.",
        read,
        sentences=(
            "read [me] [out] (the|that) [last|latest] result [aloud]",
            "what did (claude|claude code|the team) (say|answer|find)",
            "(what is|what's|what was|tell me) the [last|latest] result",
        ),
        guests=False,
        read_only=True,
    )


def _continue_task(dispatcher: Dispatcher, history: TaskHistory) -> Tool:
    async def continue_task(arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        newest: dict[str, Task] = {}
        for task in await history.listed(MOST_LOOKED_BACK, context.client_id, _ENDED_STATES):
            newest.setdefault(task.agent, task)
        # Only the newest task of each agent: one that did something else since is not sent back.
        here = [task for name, task in newest.items() if name in dispatcher.agents]
        last = next(filter(resumable, here), None)
        if last is None:
            return ToolResult("There is no task to continue.", {"task": None})
        # A task that never began is started from its request.
        request = CONTINUE_REQUEST if last.agent_session else last.request
        return await hand_over_task(
            dispatcher, last.agent, request, context, agent_session=last.agent_session
        )

    return Tool(
        "continue_task",
        "Goes on with the task that was interrupted or paused last.",
        continue_task,
        sentences=(
            "(continue|resume) [with] (the|that|this|my) [last] task",
            "(continue|resume) (claude|claude code)",
            "(go on|carry on) with (the|that|my) [last] task",
        ),
        guests=False,
    )


def _text_schema(description: str, **others: Mapping[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "maxLength": LONGEST_REQUEST, "description": description}
    return {"type": "object", "properties": {"text": text, **others}}
