"""Serves figures of use to administrators: by day for charts, of each turn as CSV."""

import csv
import io
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from datetime import UTC, datetime

from aiohttp import web

from appliance.api.dependencies import DEPENDENCIES
from appliance.api.schemas import number
from appliance.api.streaming import streamed
from appliance.store.analytics import TurnFigures

DAYS = 30
MOST_DAYS = 366

_STAGES = ("endpointing", "transcription", "first_token", "first_audio")
_KINDS = ("stt", "llm", "tts", "realtime")
_HEAD = (
    *("conversation_id", "session_id", "turn", "started_at", "seconds", "words_heard"),
    *("words_said", "interrupted", "failures", "left_the_box", "route"),
    *_KINDS,
    *(f"{stage}_ms" for stage in _STAGES),
)
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def by_day(request: web.Request) -> web.Response:
    """GET /api/analytics?days=: figures by day, oldest first."""
    figures = await request.app[DEPENDENCIES].store.figures.by_day(_days(request))
    return web.json_response({"days": [asdict(day) for day in figures]})


async def raw(request: web.Request) -> web.StreamResponse:
    """GET /api/analytics.csv?days=: figures of each turn, newest first; no word that was said."""
    pages = request.app[DEPENDENCIES].store.figures.of_turns(_days(request))
    headers = {"Content-Disposition": 'attachment; filename="voice-appliance-turns.csv"'}
    return await streamed(request, _lines(pages), "text/csv", headers)


async def _lines(pages: AsyncGenerator[Sequence[TurnFigures], None]) -> AsyncGenerator[str, None]:
    yield as_csv([], head=True)
    async with aclosing(pages):
        async for turns in pages:
            yield as_csv(turns)


def _days(request: web.Request) -> int:
    return number(request, "days", DAYS, MOST_DAYS)


def as_csv(turns: Iterable[TurnFigures], *, head: bool = False) -> str:
    """Returns the turns as lines of CSV in which no cell is a formula, with a head if wanted."""
    text = io.StringIO()
    lines = csv.writer(text)
    if head:
        lines.writerow(_HEAD)
    lines.writerows([_harmless(cell) for cell in _cells(turn)] for turn in turns)
    return text.getvalue()


def _cells(turn: TurnFigures) -> Iterator[object]:
    yield from (turn.conversation_id, turn.session_id, turn.turn)
    yield datetime.fromtimestamp(turn.started_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield from (round(turn.seconds, 3), turn.words_heard, turn.words_said, int(turn.interrupted))
    yield from (turn.failures, int(turn.left_the_box), turn.route)
    yield from (turn.engines.get(kind, "") for kind in _KINDS)
    yield from (turn.milliseconds.get(stage, "") for stage in _STAGES)


def _harmless(cell: object) -> object:
    """Puts an apostrophe before a text that a spreadsheet would compute."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
