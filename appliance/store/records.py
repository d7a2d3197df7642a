"""Defines the rows of the database as plain values. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation in a list. `title` is the beginning of the first thing the user said."""

    id: str
    title: str | None
    client_id: str | None
    created_at: float
    updated_at: float
    language: str | None
    turns: int


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session. `ended_at` is None while it is live, and for ever if the process was killed."""

    id: str
    conversation_id: str
    client_id: str | None
    route: str | None
    started_at: float
    ended_at: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One utterance and the answer as it was heard.

    `left_the_box` tells whether anything of the turn went to another machine.
    """

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
class TurnPage:
    """Some turns of a conversation, oldest first; `before` fetches those before them, if any."""

    summary: ConversationSummary
    turns: tuple[TurnRecord, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class TurnTraceRecord:
    """The trace of a turn as JSON: what it spent its time on. `user_text` is what it answered."""

    conversation_id: str
    session_id: str
    turn: int
    at: float
    user_text: str
    trace: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as committed; ids grow in the order of the commits."""

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
class SearchHit:
    """An event that matches a search; `excerpt` has the matching words in square brackets."""

    conversation_id: str
    client_id: str | None
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
    """An entry of the audit trail: an action that was done, or tried and refused.

    `who` is the id of the client that acted, None for a stranger; `client_id` is the client that
    it was done to, if any. `outcome` is "done" or the code of the error.
    """

    at: float
    what: str
    who: str | None
    address: str | None
    outcome: str
    client_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class AuditRecord(AuditEntry):
    """An entry as it is kept; ids grow in the order of the entries."""

    id: int


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters of events and other entries since the store was opened.

    `failed` counts lost entries and should stay 0. `retries` counts commits that were repeated
    (full disk, input/output error, a lock held by another program); `last_commit_seconds` is the
    duration of the latest commit.
    """

    queued: int
    committed: int
    failed: int
    retries: int
    last_commit_seconds: float
