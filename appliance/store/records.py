"""What stands in the database, as plain values. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """One line of the list of conversations. `title` is the first thing the user said."""

    id: str
    title: str | None
    client_id: str | None
    created_at: float
    updated_at: float
    language: str | None
    turns: int


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """`ended_at` is None while the session lives, and for ever if the process was killed."""

    id: str
    conversation_id: str
    client_id: str | None
    route: str | None
    started_at: float
    ended_at: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One utterance, the answer as it was heard, and whether anything left the box for it."""

    session_id: str
    number: int
    started_at: float
    ended_at: float
    user_text: str
    answer: str
    route: str | None
    engines: Any
    left_the_box: bool
    timings: Any


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as committed; ids grow in the order of commitment."""

    id: int
    session_id: str
    turn: int
    kind: str
    at: float
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that is kept of one conversation, oldest first."""

    summary: ConversationSummary
    sessions: tuple[SessionRecord, ...]
    turns: tuple[TurnRecord, ...]
    events: tuple[EventRecord, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One event whose words matched; `excerpt` marks them with square brackets."""

    conversation_id: str
    title: str | None
    session_id: str
    turn: int
    kind: str
    at: float
    excerpt: str


@dataclass(frozen=True, slots=True)
class Client:
    """A paired browser, phone or program. Its token is never read back, only looked up."""

    id: str
    name: str
    role: str
    created_at: float
    seen_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was done or tried.

    `who` is the id of the client that did it, None a stranger; `client_id` is the client that it
    was done to, where it was one. `outcome` is "done" or the code of the error.
    """

    at: float
    what: str
    who: str | None
    address: str | None
    outcome: str
    client_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters of events and other entries since the store was opened.

    `failed` entries are lost; it should stay 0.
    `last_commit_seconds` is how long the latest commit took, `retries` how often a commit had to
    be tried again (full disk, input/output error, a lock held by another program).
    """

    queued: int
    committed: int
    failed: int
    retries: int
    last_commit_seconds: float
