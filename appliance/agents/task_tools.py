"""Tasks by voice: what is running, cancel that, read me the last result, continue.

Everybody hears of their own tasks only. What an agent wrote is read aloud, and given to no model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from appliance.agents import task_phrases
from appliance.agents.dispatcher import Dispatcher
from appliance.agents.tasks import resumable
from appliance.agents.tools import handed_over
from appliance.conversation import Task, TaskState
from appliance.tools import Answer, Tool, ToolContext

GO_ON = "Go on where you stopped."
LOOKED_BACK = 20  # tasks

_ENDS = tuple(state for state in TaskState if state.ended)


class Kept(Protocol):
    """Where ended tasks are looked up."""

    async def listed(
        self, limit: int = 50, client_id: str | None = None, states: tuple[TaskState, ...] = ()
    ) -> Sequence[Task]:
        """The newest tasks first."""


def task_tools(dispatcher: Dispatcher, kept: Kept) -> tuple[Tool, ...]:
    """list_tasks, cancel_task, read_last_result and continue_task."""
    titles = {name: agent.title for name, agent in dispatcher.agents.items()}
    return (
        _list_tasks(dispatcher, titles),
        _cancel_task(dispatcher),
        _read_last_result(kept, titles),
        _continue_task(dispatcher, kept),
    )


def _list_tasks(dispatcher: Dispatcher, titles: Mapping[str, str]) -> Tool:
    async def tell(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        running = dispatcher.active(client_id=surroundings.client_id)
        data = {"tasks": [{"agent": task.agent, "state": task.state.value} for task in running]}
        return Answer(task_phrases.state(running, titles), data, quoted=bool(running))

    return Tool(
        "list_tasks",
        "Tells which tasks of the agents are running and how far they are.",
        tell,
        sentences=(
            "(what is|what's) running",
            "(what|which) tasks (are|do i have) [running|there|open]",
            "(what is|what's) (claude|claude code|the team|the agent team) (doing|working on)",
            "(how is|how's|how far is|what about) (the task|claude|claude code|the team)",
            "[is there] any progress",
        ),
        ability="tell how their work is going",
        guests=False,
    )


def _cancel_task(dispatcher: Dispatcher) -> Tool:
    async def cancel(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        running = dispatcher.active(client_id=surroundings.client_id)
        if not running:
            return Answer("No task is running.", {"cancelled": []})
        chosen = running if arguments.get("all") else running[-1:]
        for task in chosen:
            await dispatcher.stop(task.id)
        data = {"cancelled": [task.id for task in chosen]}
        if len(chosen) > 1:
            return Answer("All tasks are cancelled.", data)
        return Answer(f"Cancelled: {task_phrases.title(chosen[0])}.", data)

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


def _read_last_result(kept: Kept, titles: Mapping[str, str]) -> Tool:
    async def read(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        found = await kept.listed(1, surroundings.client_id, _ENDS)
        if not found:
            return Answer("There is no result yet.", {"task": None})
        last = found[0]
        data = {"task": last.id, "state": last.state.value}
        said = task_phrases.reading(last, titles.get(last.agent, last.agent))
        return Answer(said, data, quoted=True)

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
    )


def _continue_task(dispatcher: Dispatcher, kept: Kept) -> Tool:
    async def go_on(arguments: Mapping[str, Any], surroundings: ToolContext) -> Answer:
        newest: dict[str, Task] = {}
        for task in await kept.listed(LOOKED_BACK, surroundings.client_id, _ENDS):
            newest.setdefault(task.agent, task)
        # An agent that has done something else since is not sent back.
        here = [task for name, task in newest.items() if name in dispatcher.agents]
        last = next(filter(resumable, here), None)
        if last is None:
            return Answer("There is no task to continue.", {"task": None})
        # What never began has nothing to go on from.
        request = GO_ON if last.agent_session else last.request
        return await handed_over(
            dispatcher, last.agent, request, surroundings, agent_session=last.agent_session
        )

    return Tool(
        "continue_task",
        "Goes on with the task that was interrupted or paused last.",
        go_on,
        sentences=(
            "(continue|resume) [with] (the|that|this|my) [last] task",
            "(continue|resume) (claude|claude code)",
            "(go on|carry on) with (the|that|my) [last] task",
        ),
        guests=False,
    )
