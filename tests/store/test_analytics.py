"""Figures of use by day and by turn, without a word of what was said."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.api.analytics import as_csv
from appliance.conversation import Event, EventKind
from appliance.store import analytics, queries
from appliance.store.analytics import TurnFigures
from appliance.store.store import Store

NOON = datetime(2026, 3, 10, 12).astimezone()


def turn(
    number: int,
    at: datetime,
    milliseconds: float,
    *,
    conversation: str = "c",
    interrupted: bool = False,
    left_the_box: bool = False,
) -> list[Event]:
    """A turn of two words, answered with three."""

    def event(kind: EventKind, **data: Any) -> Event:  # noqa: ANN401  JSON values
        return Event(kind, conversation, "s", at.timestamp(), number, data)

    engines = {"stt": "whisper", "tts": "kokoro"}
    outcome = {"interrupted": interrupted, "left_the_box": left_the_box, "engines": engines}
    return [
        event(EventKind.USER_TRANSCRIPT, text="what time"),
        event(EventKind.TURN_TIMINGS, milliseconds={"first_audio": milliseconds}),
        event(EventKind.ANSWER, text="it is noon", **outcome),
    ]


async def kept(store: Store, events: Sequence[Event]) -> None:
    for event in events:
        store.append(event)
    await store.flush()


async def test_figures_by_day(store: Store, path: Path) -> None:
    began = Event(EventKind.SESSION_STARTED, "c", "s", NOON.timestamp())
    failed = Event(EventKind.ERROR, "c", "s", NOON.timestamp(), 1, {"code": "x"})
    today = [
        event
        for number in range(1, 21)
        for event in turn(
            number, NOON, 100.0 * number, interrupted=number == 3, left_the_box=number in (4, 5)
        )
    ]
    before = turn(21, NOON - timedelta(days=1), 500.0)
    long_ago = turn(22, NOON - timedelta(days=40), 500.0)
    tested = turn(1, NOON, 1.0, conversation="selftest-1")
    await kept(store, [began, *today, failed, *before, *long_ago, *tested])
    with queries.reading(path) as db:
        quiet, yesterday, now = analytics.by_day(db, 3, NOON)
    assert [day.day for day in (quiet, yesterday, now)] == [
        *("2026-03-08", "2026-03-09", "2026-03-10"),
    ]
    assert quiet == analytics.DayFigures("2026-03-08")
    assert (yesterday.turns, yesterday.latency["first_audio"].p50) == (1, 500.0)
    assert (now.turns, now.words_heard, now.words_said) == (20, 40, 60)
    assert (now.sessions, now.interruptions, now.failures) == (1, 1, 1)
    assert (yesterday.left_the_box, now.left_the_box) == (0, 2)
    assert now.latency == {"first_audio": analytics.Latency(20, 1000.0, 1900.0)}


async def test_raw_figures_have_no_words(store: Store, path: Path) -> None:
    await kept(store, turn(1, NOON, 420.5, interrupted=True))
    with queries.reading(path) as db:
        ((figures,),) = analytics.of_turns(db, 3, NOON)
    assert (figures.words_heard, figures.words_said, figures.interrupted) == (2, 3, True)
    text = as_csv([figures], head=True)
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["stt"], row["first_audio_ms"], row["interrupted"]) == ("whisper", "420.5", "1")
    assert "noon" not in text
    assert "what time" not in text


async def test_figures_are_read_by_an_index(store: Store, path: Path) -> None:
    with queries.reading(path) as db:
        for query, index in (
            (analytics.TURNS, "turns_by_time"),
            (analytics.SESSIONS, "sessions_by_time"),
            (analytics.OUTCOMES, "outcomes_by_time"),
            (analytics.LATENCY, "turns_by_time"),
            (analytics.RAW, "turns_by_time"),
            (analytics.RAW, "outcomes_by_turn"),
        ):
            values = {"since": 0.0, "before": 9e9, "before_id": 0}
            rows = list(db.query(f"EXPLAIN QUERY PLAN {query}", values))
            assert any(index in row["detail"] for row in rows), query


PLAIN = TurnFigures("c", "s", 1, 0.0, 1.0, 2, 3, False, 0, False, "local", {}, {})


@given(st.sampled_from("=+-@\t\r"), st.text())
def test_no_cell_is_a_formula(sign: str, rest: str) -> None:
    spoilt = replace(PLAIN, engines={"stt": sign + rest}, conversation_id=f"{sign}1")
    text = as_csv([spoilt], head=True)
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert row[0] == f"'{sign}1"
    assert row[11] == f"'{sign}{rest}"
