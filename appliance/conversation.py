"""Defines the values of conversations and tasks that all packages share. No I/O.

A conversation is an append-only list of events. A turn is one user utterance and the answer to
it; the events of both carry its number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from unicodedata import category


class EventKind(StrEnum):
    """The kinds of events, by their values in the database and on the wire."""

    SESSION_STARTED = "session_started"
    SESSION_ENDED = "session_ended"
    USER_TRANSCRIPT = "user_transcript"
    ANSWER = "answer"
    NOT_MEANT = "not_meant"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    TIMER_RANG = "timer_rang"
    TASK = "task"
    SUMMARY = "summary"
    ROUTE_CHANGED = "route_changed"
    TURN_TIMINGS = "turn_timings"
    TURN_TRACE = "turn_trace"
    LEFT_THE_BOX = "left_the_box"
    RECORDING = "recording"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a session, at `at` seconds since the epoch.

    `turn` counts from 1 in a session; it is 0 for an event of no turn. `data` is JSON-ready.
    """

    kind: EventKind
    conversation_id: str
    session_id: str
    at: float
    turn: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


OnEvent = Callable[[Event], None]
"""A callback for events. It must not block; it commits the event later."""


SELFTEST_PREFIX: Final = "selftest-"
"""Prefix of the ids of a self-test's clients and conversations, in which no person listens."""


class TaskState(StrEnum):
    """The states of a task; the last four are final."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self not in (TaskState.ACCEPTED, TaskState.RUNNING)


@dataclass(frozen=True, slots=True)
class Task:
    """A task given to an agent, from the moment it is accepted.

    `progress` is the latest message of the agent, `result` its full answer or the reason why there
    is none; `cost` is in US dollars. `agent_session` is the agent's own id of the work, by which it
    is resumed. `announced` is True once a user has heard how the task ended.
    """

    id: str
    agent: str
    request: str
    state: TaskState
    created_at: float
    updated_at: float
    conversation_id: str = ""
    session_id: str = ""
    client_id: str = ""
    progress: str = ""
    result: str = ""
    cost: float | None = None
    agent_session: str = ""
    announced: bool = False


# The sentences spoken where there is no answer.
NOT_CAUGHT = "Sorry, I did not catch that."
NO_MODEL = (
    "I can't answer that without a language model. "
    "Ask me for the time, the date, a timer, or how the device is doing."
)
MODEL_SILENT = "Sorry, I can't reach my language model right now. The time and timers still work."
MODEL_LOADING = "My language model is still loading. Please ask me again in a moment."
MODEL_BUSY = (
    "Sorry, my language model has too many requests right now. Please try again in a minute."
)
MODEL_REFUSES_KEY = "Sorry, my language model does not accept the key that I have for it."
MODEL_THINKS = "Sorry, my language model thought about that for too long."
NOTHING_TO_SAY = "Sorry, I have no answer to that."
ANSWER_FILTERED = "Sorry, my language model's filter stopped the answer to that."
CUT_SHORT = "That is as far as I get."
CODE_SHOWN = "The code is on the page."
NO_ANSWERS: Final = (
    *(NOT_CAUGHT, NO_MODEL, MODEL_SILENT, MODEL_LOADING, MODEL_BUSY),
    *(MODEL_REFUSES_KEY, MODEL_THINKS, NOTHING_TO_SAY, ANSWER_FILTERED),
)


# Characters that set the direction of what follows. A name with one can make the text around it
# read as something else, so they are shown as what they are.
_DIRECTIONS: Final = {
    code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def in_one_line(text: str) -> str:
    """Returns the text on one line, without control characters that a terminal would obey.

    Characters that would turn the direction of the text appear escaped, such as "\\u202e".
    """
    plain = "".join(c if category(c) != "Cc" else " " for c in text)
    return " ".join(plain.translate(_DIRECTIONS).split())
