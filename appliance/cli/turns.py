"""`appliance turns show`: draws what the latest turns spent their time on.

Reading goes to the database file directly, so it works whether or not the daemon runs.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from appliance.cli.options import config_option, configuration, json_option
from appliance.cli.output import local_time, printable
from appliance.observability.turn_trace import TurnTrace
from appliance.store import queries
from appliance.store.records import TurnTraceRecord

WIDTH = 60
QUEUED, AT_WORK, MARK = "░", "█", "┃"
_AFTER_AUDIO = 0.15  # of the time until the first audio: what comes later is only summed up
_SHORTEST_MS = 100.0


@click.group("turns")
def turns_group() -> None:
    """Shows what turns spent their time on."""


@turns_group.command("show")
@config_option
@click.argument("conversation_id", required=False)
@click.option("--last", type=click.IntRange(1, 1000), default=5, help="So many turns.")
@json_option
def show_turns(
    files: tuple[Path, ...], conversation_id: str | None, last: int, as_json: bool
) -> None:
    """Draws the latest turns as bars: of one conversation, or of all."""
    with queries.reading(configuration(files).store.path) as db:
        found = queries.turn_traces(db, last, conversation_id)
    if as_json:
        click.echo(json.dumps([asdict(record) for record in found], indent=2))
    elif not found:
        click.echo("No turn is recorded yet.")
    else:
        click.echo("\n\n".join("\n".join(turn_chart(record)) for record in found))


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the chart: queued from `queued` to `begun`, at work until `ended`.

    Times are milliseconds after the end of speech. A row whose `ended` is `begun` is a mark.
    """

    label: str
    queued: float
    begun: float
    ended: float
    note: str = ""


def turn_chart(record: TurnTraceRecord) -> list[str]:
    """The lines that draw one turn: a heading, a row for each step, and what remains to be said."""
    trace = TurnTrace.from_json(record.trace)
    first_audio = trace.stages.get("first_audio")
    summary = "no audio" if first_audio is None else f"first audio {first_audio:.0f} ms"
    said = printable(record.user_text) or "(nothing said)"
    bars = list(_bars(trace))
    heading = f"{local_time(record.at)}  turn {record.turn}  {summary}  “{said}”"
    begin, end = _span(bars, first_audio)
    shown = [bar for bar in bars if bar.queued <= end]
    labels = max((len(bar.label) for bar in shown), default=0)
    rows = [
        f"  {bar.label.ljust(labels)} {_drawn(bar, begin, end)} {bar.note}".rstrip()
        for bar in shown
    ]
    axis = f"  {' ' * labels} {_axis(begin, end)}"
    return [heading, *rows, axis, *_remarks(trace, end)]


def _bars(trace: TurnTrace) -> Iterator[Bar]:
    for pause in trace.pauses:
        if pause.resumed is None:
            ended = max(pause.noticed, trace.stages.get("endpointing", pause.noticed))
            yield Bar("pause", pause.began, pause.noticed, ended)
        else:
            yield Bar("pause", pause.began, pause.noticed, pause.resumed, "speech resumed")
    for verdict in trace.verdicts:
        note = f"{verdict.probability:.2f}{' ahead' if verdict.ahead else ''}"
        yield Bar("verdict", verdict.at, verdict.at, verdict.at, note)
    for one in trace.transcriptions:
        windows = " + ".join(f"{seconds:g}" for seconds in one.windows)
        window = f", window {windows} s" if windows else ""
        note = f"{one.purpose}, {one.audio_seconds:.1f} s{window}{'' if one.done else ', given up'}"
        begun = one.ended if one.begun is None else one.begun
        yield Bar("hearing", one.queued, begun, one.ended, note)
    for guess in trace.speculations:
        ended = guess.began if guess.ended is None else guess.ended
        note = guess.outcome + (", guessed" if guess.guessed else "")
        yield Bar("speculation", guess.began, guess.began, ended, note)
    for stage, label in (("endpointing", "turn ended"), ("first_token", "first token")):
        yield from _stage_mark(trace, stage, label)
    for piece in trace.pieces:
        source = "from the cache" if piece.cached else f"{piece.characters} characters"
        note = f"{piece.speech_seconds:.1f} s, {source}{', ahead' if piece.ahead else ''}"
        begun = piece.queued if piece.begun is None else piece.begun
        yield Bar("voice", piece.queued, begun, piece.ended, note)
    yield from _stage_mark(trace, "first_audio", "first audio")


def _stage_mark(trace: TurnTrace, stage: str, label: str) -> Iterator[Bar]:
    if stage in trace.stages:
        at = trace.stages[stage]
        yield Bar(label, at, at, at)


def _span(bars: Sequence[Bar], first_audio: float | None) -> tuple[float, float]:
    """The milliseconds from which and to which the turn is drawn."""
    begin = min((bar.queued for bar in bars), default=0.0)
    last = max((bar.ended for bar in bars), default=0.0) if first_audio is None else first_audio
    begin = min(begin, 0.0)
    length = max(_SHORTEST_MS, last - begin)
    return begin, begin + length * (1 + (_AFTER_AUDIO if first_audio is not None else 0))


def _drawn(bar: Bar, begin: float, end: float) -> str:
    """The row between two bounds; what lasts longer is cut off."""

    def column(at: float) -> int:
        return round((min(max(at, begin), end) - begin) / (end - begin) * (WIDTH - 1))

    first, work, last = column(bar.queued), column(bar.begun), column(bar.ended)
    body = MARK if bar.ended == bar.queued else AT_WORK * (last - work + 1)
    return f"▏{(' ' * first + QUEUED * (work - first) + body)[:WIDTH].ljust(WIDTH)}▕"


def _axis(begin: float, end: float) -> str:
    """The axis with the end of speech (0) and both bounds, in milliseconds."""
    line = [" "] * (WIDTH + 2)
    zero = 1 + round(-begin / (end - begin) * (WIDTH - 1))
    left, right = f"{begin:.0f}", f"{end:.0f} ms"
    line[zero] = "0"
    if zero > len(left) + 1:
        line[1 : 1 + len(left)] = left
    line[-1 - len(right) : -1] = right
    return "".join(line).rstrip()


def _remarks(trace: TurnTrace, end: float) -> Iterator[str]:
    later = [piece for piece in trace.pieces if piece.queued > end]
    if later:
        cost = sum(piece.ended - (piece.begun or piece.queued) for piece in later) / 1000
        sound = sum(piece.speech_seconds for piece in later)
        yield f"  {len(later)} more pieces: {sound:.1f} s of sound in {cost:.1f} s"
    if trace.underruns:
        longest = max(underrun.seconds for underrun in trace.underruns)
        yield f"  {len(trace.underruns)} underruns, the longest {1000 * longest:.0f} ms"
    if trace.cpu_pressure is not None:
        yield f"  processor pressure {100 * trace.cpu_pressure:.0f} %"
