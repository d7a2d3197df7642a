"""Spoken sentences about tasks: their state, their end, and their result."""

from collections.abc import Mapping, Sequence

from appliance.conversation import Task, TaskState
from appliance.text import phrasing
from appliance.text.normalize import without_markup

LONGEST_SUMMARY = 220  # characters of an announcement: ten seconds
LONGEST_READING = 1_500  # characters of a result read aloud: a minute and a half
LONGEST_TITLE = 60  # characters
RESUME = "Say continue the task to resume it."
ON_PAGE = "The full text is on the page."


def title(task: Task) -> str:
    """The spoken title of a task: the beginning of its request."""
    return _cut(without_markup(task.request), LONGEST_TITLE).rstrip(".…")


def announcement(task: Task, agent: str) -> str:
    """The announcement of a task that has ended; `agent` is the agent's title."""
    match task.state:
        case TaskState.DONE if not task.result:
            return f"{agent} is done with: {title(task)}."
        case TaskState.DONE:
            result = without_markup(task.result)
            short = _cut(result, LONGEST_SUMMARY)
            rest = f" {ON_PAGE}" if short != result or result != task.result else ""
            return f"{agent} is done. {_sentence(short)}{rest}"
        case TaskState.FAILED:
            why = _sentence(_cut(without_markup(task.result), LONGEST_SUMMARY))
            return f"{agent} did not get it done. {why}"
        case _:
            return f"{agent} was interrupted at: {title(task)}. {RESUME}"


def reading(task: Task, agent: str) -> str:
    """The result of a task that has ended, for reading aloud."""
    if task.state is TaskState.CANCELLED:
        return f"The last task was cancelled: {title(task)}."
    if task.state is TaskState.INTERRUPTED:
        return announcement(task, agent)
    result = without_markup(task.result)
    if not result:
        return f"{agent} gave no text back."
    short = _cut(result, LONGEST_READING)
    source = f"{agent} says: " if task.state is TaskState.DONE else ""
    return f"{source}{_sentence(short)}{'' if short == result else f' {ON_PAGE}'}"


def state(tasks: Sequence[Task], agents: Mapping[str, str]) -> str:
    """The running tasks in words; `agents` maps names of agents to titles."""
    if not tasks:
        return "No task is running."
    sentences = [_state(task, agents.get(task.agent, task.agent)) for task in tasks[:3]]
    if len(tasks) > 3:
        more = phrasing.capitalised(phrasing.counted(len(tasks) - 3, "more task"))
        sentences.append(f"{more} wait.")
    return " ".join(sentences)


def _state(task: Task, agent: str) -> str:
    if task.state is TaskState.ACCEPTED:
        return f"Waiting for its turn: {title(task)}."
    if not task.progress:
        return f"{agent} is working on: {title(task)}."
    latest = _sentence(_cut(without_markup(task.progress), LONGEST_SUMMARY))
    return f"{agent} is working on: {title(task)}. The latest: {latest}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _cut(text: str, longest: int) -> str:
    """The text up to `longest` characters, cut at the end of a sentence or of a word."""
    if len(text) <= longest:
        return text
    head = text[: longest + 1]
    ends = [head.rfind(f"{mark} ") for mark in ".!?"]
    if max(ends) > longest // 3:
        return head[: max(ends) + 1]
    return f"{head.rpartition(' ')[0] or head[:longest]}…"
