"""Computes figures of use from the database: by day, and of each turn. No word is among them.

The functions take a connection from `queries.reading`; the daemon runs them off its event loop.
Days are those of the machine's time zone.
"""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.conversation import SELFTEST_PREFIX
from appliance.store.connection import Perform, PerformInParts

if TYPE_CHECKING:
    from sqlite_utils import Database

PAGE = 100  # turns that are read at once: some milliseconds
MOST_TURNS = 50_000  # in one file of raw figures: some 8 MB

# Runs of spaces do not occur in what was heard and said: both are stored with single ones.
_WORDS = """CASE trim({0}) WHEN '' THEN 0
    ELSE 1 + length(trim({0})) - length(replace(trim({0}), ' ', '')) END"""
_HEARD, _SAID = _WORDS.format("user_text"), _WORDS.format("answer")

_OF_PEOPLE = f"substr(conversation_id, 1, {len(SELFTEST_PREFIX)}) != '{SELFTEST_PREFIX}'"

TURNS = f"""
SELECT date(started_at, 'unixepoch', 'localtime') AS day, count(*) AS turns,
       sum({_HEARD}) AS words_heard, sum({_SAID}) AS words_said,
       sum(left_the_box) AS left_the_box
FROM turns WHERE started_at >= :since AND {_OF_PEOPLE} GROUP BY day"""

SESSIONS = f"""
SELECT date(started_at, 'unixepoch', 'localtime') AS day, count(*) AS sessions
FROM sessions WHERE started_at >= :since AND {_OF_PEOPLE} GROUP BY day"""

OUTCOMES = f"""
SELECT date(at, 'unixepoch', 'localtime') AS day,
       sum(kind = 'answer' AND coalesce(json_extract(data, '$.interrupted'), 0)) AS interruptions,
       sum(kind = 'error') AS failures
FROM events WHERE kind IN ('answer', 'error') AND at >= :since AND {_OF_PEOPLE} GROUP BY day"""

# The nearest-rank percentile: the smallest value that so large a share does not exceed.
LATENCY = f"""
WITH spans AS (
    SELECT date(started_at, 'unixepoch', 'localtime') AS day, span.key AS stage, span.value AS ms
    FROM turns, json_each(turns.timings, '$.milliseconds') AS span
    WHERE started_at >= :since AND timings IS NOT NULL AND {_OF_PEOPLE}
), ranked AS (
    SELECT day, stage, ms, row_number() OVER (PARTITION BY day, stage ORDER BY ms) AS place,
           count(*) OVER (PARTITION BY day, stage) AS turns
    FROM spans
)
SELECT day, stage, turns, min(ms) FILTER (WHERE place >= 0.5 * turns) AS p50,
       min(ms) FILTER (WHERE place >= 0.95 * turns) AS p95
FROM ranked GROUP BY day, stage"""

RAW = f"""
SELECT id, conversation_id, session_id, number AS turn, started_at,
       ended_at - started_at AS seconds,
       {_HEARD} AS words_heard, {_SAID} AS words_said,
       (SELECT coalesce(max(json_extract(data, '$.interrupted')), 0) FROM events AS e
        WHERE e.conversation_id = t.conversation_id AND e.session_id = t.session_id
          AND e.turn = t.number AND e.kind IN ('answer', 'error')
          AND e.kind = 'answer') AS interrupted,
       (SELECT count(*) FROM events AS e
        WHERE e.conversation_id = t.conversation_id AND e.session_id = t.session_id
          AND e.turn = t.number AND e.kind IN ('answer', 'error')
          AND e.kind = 'error') AS failures,
       left_the_box, route, engines, timings
FROM turns AS t
WHERE started_at >= :since AND (started_at, id) < (:before, :before_id) AND {_OF_PEOPLE}
ORDER BY started_at DESC, id DESC LIMIT {PAGE}"""


@dataclass(frozen=True, slots=True)
class Latency:
    """The end of a stage in milliseconds after the end of speech, over the `turns` of a day."""

    turns: int
    p50: float
    p95: float


@dataclass(slots=True)
class DayFigures:
    """The use of one day, by its date in ISO form; `latency` is by stage."""

    day: str
    turns: int = 0
    words_heard: int = 0
    words_said: int = 0
    left_the_box: int = 0
    sessions: int = 0
    interruptions: int = 0
    failures: int = 0
    latency: dict[str, Latency] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """The raw figures of one turn; `milliseconds` are the ends of its stages by name."""

    conversation_id: str
    session_id: str
    turn: int
    started_at: float
    seconds: float
    words_heard: int
    words_said: int
    interrupted: bool
    failures: int
    left_the_box: bool
    route: str
    engines: Mapping[str, str]
    milliseconds: Mapping[str, float]


class Figures:
    """Reads figures off the event loop; `read` and `stream` have connections of their own."""

    def __init__(self, read: Perform, stream: PerformInParts) -> None:
        self._read = read
        self._stream = stream

    async def by_day(self, days: int) -> list[DayFigures]:
        """See `by_day`."""
        return await self._read(partial(by_day, days=days, now=datetime.now().astimezone()))

    def of_turns(self, days: int) -> AsyncGenerator[list[TurnFigures], None]:
        """See `of_turns`."""
        return self._stream(partial(of_turns, days=days, now=datetime.now().astimezone()))


def by_day(db: "Database", days: int, now: datetime) -> list[DayFigures]:
    """Returns the last `days` days up to that of `now`, oldest first, quiet ones too."""
    first = now.date() - timedelta(days=days - 1)
    figures = {day: DayFigures(day) for day in _dates(first, days)}
    since = {"since": datetime.combine(first, datetime.min.time()).astimezone().timestamp()}
    for query in (TURNS, SESSIONS, OUTCOMES):
        for row in db.query(query, since):
            # An event of a clock that was ahead has a day of its own, which is left out.
            if of_day := figures.get(row.pop("day")):
                for name, value in row.items():
                    setattr(of_day, name, value)
    for row in db.query(LATENCY, since):
        if of_day := figures.get(row["day"]):
            of_day.latency[row["stage"]] = Latency(row["turns"], row["p50"], row["p95"])
    return list(figures.values())


def of_turns(db: "Database", days: int, now: datetime) -> Iterator[list[TurnFigures]]:
    """Yields the turns of the same days, newest first, some at a time, MOST_TURNS at most."""
    first = now.date() - timedelta(days=days - 1)
    since = datetime.combine(first, datetime.min.time()).astimezone().timestamp()
    at, turn_id = float("inf"), 0
    for _ in range(MOST_TURNS // PAGE):
        rows = list(db.query(RAW, {"since": since, "before": at, "before_id": turn_id}))
        if not rows:
            return
        at, turn_id = rows[-1]["started_at"], rows[-1]["id"]
        yield [_turn(row) for row in rows]


def _dates(first: date, days: int) -> Iterator[str]:
    return ((first + timedelta(days=ahead)).isoformat() for ahead in range(days))


def _turn(row: dict[str, Any]) -> TurnFigures:
    del row["id"]
    engines, timings = (json.loads(row.pop(key) or "{}") for key in ("engines", "timings"))
    return TurnFigures(
        **{
            **row,
            "route": row["route"] or "",
            "interrupted": bool(row["interrupted"]),
            "left_the_box": bool(row["left_the_box"]),
            "engines": engines,
            "milliseconds": timings.get("milliseconds", {}),
        }
    )
