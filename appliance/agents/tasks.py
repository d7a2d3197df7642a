"""The life of a task, step by step. Pure: every step answers the task as it is afterwards.

    accepted ─► running ─► done | failed | cancelled | interrupted
        └──────────────────────► failed | cancelled | interrupted

An end is final: steps that come after it change nothing.
"""

from dataclasses import replace

from appliance.agents import AgentOutcome, AgentProgress, Happening
from appliance.conversation import Task, TaskState

LONGEST_PROGRESS = 500  # characters of one message on the way
LONGEST_RESULT = 200_000  # characters: a book, and no more than the database should hold


def begun(task: Task, now: float, agent_session: str = "") -> Task:
    """The agent takes it up, in the agent's session of that name where one is given."""
    if task.state is not TaskState.ACCEPTED:
        return task
    known = agent_session or task.agent_session
    return replace(task, state=TaskState.RUNNING, updated_at=now, agent_session=known)


def happened(task: Task, happening: Happening, now: float) -> Task:
    """The agent said something on its way."""
    if task.state is not TaskState.RUNNING:
        return task
    if isinstance(happening, AgentProgress):
        text = shortened(happening.text, LONGEST_PROGRESS)
        return replace(task, progress=text, updated_at=now)
    return replace(task, agent_session=happening.agent_session, updated_at=now)


def finished(task: Task, outcome: AgentOutcome, now: float) -> Task:
    """The agent is done with it, well or not."""
    state = TaskState.DONE if outcome.ok else TaskState.FAILED
    ended = stopped(task, state, now, outcome.text)
    return ended if ended is task else replace(ended, cost=outcome.cost)


def stopped(task: Task, state: TaskState, now: float, why: str = "") -> Task:
    """It ends in `state`; `why` becomes its result."""
    if task.state.ended:
        return task
    if not state.ended:
        raise ValueError(f"{state} is no end")
    return replace(task, state=state, updated_at=now, result=shortened(why, LONGEST_RESULT))


def resumable(task: Task) -> bool:
    """Whether the agent can go on where it stopped."""
    return task.state is TaskState.INTERRUPTED


def shortened(text: str, longest: int) -> str:
    """The text without what a database or a page cannot hold, at most `longest` characters."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode().strip()
    return clean if len(clean) <= longest else f"{clean[: longest - 1].rstrip()}…"
