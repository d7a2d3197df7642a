"""Projects an event to rows: the event itself, and what it adds to conversation and turn.

The keys of `Event.data` that become columns; every other key is kept with the event.

    session_started   client_id, route, language
    session_ended     reason
    user_transcript   text, language
    answer            text (as heard), route, engines, left_the_box
    route_changed     route, engines, left_the_box
    left_the_box      left_the_box (of a turn without an answer)
    turn_timings      route, engines, left_the_box; the whole of data is the turn's timings
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.conversation import Event, EventKind
from appliance.store import search_index

if TYPE_CHECKING:
    from sqlite_utils import Database

TITLE_CHARACTERS = 80

INSERT_EVENT = """
INSERT INTO events (conversation_id, session_id, turn, kind, at, data)
VALUES (:conversation_id, :session_id, :turn, :kind, :at, :data)"""

TOUCH_CONVERSATION = """
INSERT INTO conversations (id, title, client_id, created_at, updated_at, language)
VALUES (:conversation_id, :title, :client_id, :at, :at, :language)
ON CONFLICT (id) DO UPDATE SET
    title = coalesce(title, excluded.title),
    client_id = coalesce(client_id, excluded.client_id),
    updated_at = iif(clock_shift, excluded.updated_at, max(updated_at, excluded.updated_at)),
    clock_shift = 0,
    language = coalesce(excluded.language, language)"""

TOUCH_SESSION = """
INSERT INTO sessions (id, conversation_id, client_id, route, started_at, ended_at, reason)
VALUES (:session_id, :conversation_id, :client_id, :route, :at, :ended_at, :reason)
ON CONFLICT (id) DO UPDATE SET
    client_id = coalesce(client_id, excluded.client_id),
    route = coalesce(excluded.route, route),
    ended_at = coalesce(excluded.ended_at, ended_at),
    reason = coalesce(excluded.reason, reason)"""

ADD_TO_TURN = """
INSERT INTO turns (conversation_id, session_id, number, started_at, ended_at, user_text, answer,
                   route, engines, left_the_box, timings)
VALUES (:conversation_id, :session_id, :turn, :at, :at, :user_text, :answer,
        coalesce(:route, (SELECT route FROM sessions WHERE id = :session_id)),
        :engines, :left_the_box, :timings)
ON CONFLICT (conversation_id, session_id, number) DO UPDATE SET
    ended_at = max(ended_at, excluded.ended_at),
    user_text = trim(user_text || ' ' || excluded.user_text),
    answer = trim(answer || ' ' || excluded.answer),
    route = coalesce(:route, route),
    engines = coalesce(excluded.engines, engines),
    left_the_box = max(left_the_box, excluded.left_the_box),
    timings = coalesce(excluded.timings, timings)"""

# These carry the number of the latest turn without belonging to it.
# A trace comes when the turn is over, and must not prolong it.
NOT_OF_A_TURN = frozenset(
    {EventKind.SESSION_STARTED, EventKind.SESSION_ENDED, EventKind.TURN_TRACE}
)


@dataclass(frozen=True, slots=True)
class EventRows:
    """An encoded event: the parameters of the statements above, and the words to index."""

    parameters: dict[str, Any]
    words: str


def encode(event: Event) -> EventRows:
    """Encodes an event at once, so that later changes of its data have no effect."""
    data = event.data
    text = _storable(data.get("text")) or ""
    heard = text if event.kind == EventKind.USER_TRANSCRIPT else ""
    ended = event.kind == EventKind.SESSION_ENDED
    timings = event.kind == EventKind.TURN_TIMINGS
    encoded = _to_json(data)
    parameters = {
        "conversation_id": event.conversation_id,
        "session_id": event.session_id,
        "turn": event.turn,
        "kind": str(event.kind),
        "at": event.at,
        "data": encoded,
        "title": _title(heard),
        "client_id": _storable(data.get("client_id")),
        "language": _storable(data.get("language")),
        "route": _storable(data.get("route")),
        "ended_at": event.at if ended else None,
        "reason": _storable(data.get("reason")) if ended else None,
        "user_text": heard,
        "answer": text if event.kind == EventKind.ANSWER else "",
        "engines": _to_json(data["engines"]) if data.get("engines") is not None else None,
        "left_the_box": int(data.get("left_the_box") is True),
        "timings": encoded if timings else None,
    }
    return EventRows(parameters, search_index.indexed_text(event.kind, text))


def record(db: "Database", rows: EventRows) -> None:
    """Writes an event and its projections, inside an open transaction."""
    db.execute(TOUCH_CONVERSATION, rows.parameters)
    db.execute(TOUCH_SESSION, rows.parameters)
    event_id = db.execute(INSERT_EVENT, rows.parameters).lastrowid
    if rows.parameters["turn"] > 0 and rows.parameters["kind"] not in NOT_OF_A_TURN:
        db.execute(ADD_TO_TURN, rows.parameters)
    if rows.words and event_id is not None:
        search_index.add(db, event_id, rows.words)


def _storable(value: object) -> str | None:
    """Returns a string that UTF-8 can encode (half a surrogate pair becomes "?"), or None."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _title(heard: str) -> str | None:
    words = " ".join(heard.split())
    if len(words) <= TITLE_CHARACTERS:
        return words or None
    return words[: TITLE_CHARACTERS - 1].rstrip() + "…"


def _to_json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        # Data that JSON cannot hold is simplified, so that the event is not lost.
        return json.dumps(_json_ready(value, depth=8))


def _json_ready(value: object, depth: int) -> object:
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _json_ready(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json_ready(item, depth - 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else repr(value)
