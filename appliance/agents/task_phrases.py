"""What is said of tasks: on taking them, on asking about them, and when they end."""

from collections.abc import Mapping, Sequence

from appliance.conversation import Task, TaskState
from appliance.text import phrasing
from appliance.text.normalize import speakable

LONGEST_SUMMARY = 220  # characters said when a task ends: ten seconds
LONGEST_READING = 1_500  # characters read aloud when asked for: a minute and a half
LONGEST_TITLE = 60  # characters of a request by which a task is called
RESUME = "Say continue the task to resume it."
ON_PAGE = "The full text is on the page."


def title(task: Task) -> str:
    """What a task is called aloud: the beginning of what was asked for."""
    return _cut(speakable(task.request), LONGEST_TITLE).rstrip(".…")


def announcement(task: Task, agent: str) -> str:
    """What is said when a task has ended; `agent` is the agent's title."""
    match task.state:
        case TaskState.DONE if not task.result:
            return f"{agent} is done with: {title(task)}."
        case TaskState.DONE:
            said = speakable(task.result)
            short = _cut(said, LONGEST_SUMMARY)
            rest = f" {ON_PAGE}" if short != said or said != task.result else ""
            return f"{agent} is done. {_sentence(short)}{rest}"
        case TaskState.FAILED:
            why = _sentence(_cut(speakable(task.result), LONGEST_SUMMARY))
            return f"{agent} did not get it done. {why}"
        case _:
            return f"{agent} was interrupted at: {title(task)}. {RESUME}"


def reading(task: Task, agent: str) -> str:
    """The result of a task, read aloud."""
    if task.state is TaskState.CANCELLED:
        return f"The last task was cancelled: {title(task)}."
    if task.state is TaskState.INTERRUPTED:
        return announcement(task, agent)
    said = speakable(task.result)
    if not said:
        return f"{agent} gave no text back."
    short = _cut(said, LONGEST_READING)
    said_by = f"{agent} says: " if task.state is TaskState.DONE else ""
    return f"{said_by}{_sentence(short)}{'' if short == said else f' {ON_PAGE}'}"


def state(tasks: Sequence[Task], agents: Mapping[str, str]) -> str:
    """What is running, in words; `agents` gives the title of each."""
    if not tasks:
        return "No task is running."
    said = [_state(task, agents.get(task.agent, task.agent)) for task in tasks[:3]]
    if len(tasks) > 3:
        said.append(f"{phrasing.capitalised(phrasing.counted(len(tasks) - 3, 'more task'))} wait.")
    return " ".join(said)


def _state(task: Task, agent: str) -> str:
    if task.state is TaskState.ACCEPTED:
        return f"Waiting for its turn: {title(task)}."
    if not task.progress:
        return f"{agent} is working on: {title(task)}."
    latest = _sentence(_cut(speakable(task.progress), LONGEST_SUMMARY))
    return f"{agent} is working on: {title(task)}. The latest: {latest}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _cut(text: str, longest: int) -> str:
    """The text up to the end of a sentence, or at least of a word, within `longest` characters."""
    if len(text) <= longest:
        return text
    head = text[: longest + 1]
    ends = [head.rfind(f"{mark} ") for mark in ".!?"]
    if max(ends) > longest // 3:
        return head[: max(ends) + 1]
    return f"{head.rpartition(' ')[0] or head[:longest]}…"
