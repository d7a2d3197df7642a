"""Prints the results of the benchmark as tables."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from appliance.bench.comparison import ComparisonRun, TurnsComparison
from appliance.bench.managed import ManagedModelFigures
from appliance.bench.results import EngineResult, EngineSetResult, LoadResult
from appliance.bench.session_cost import RampStep
from appliance.bench.statistics import Spread
from appliance.bench.suite import SuiteResults

MB = 1 << 20
CLIENT_STAGES = {
    "transcript": "final transcript",
    "first_token": "first token",
    "first_audio": "first audio",
}
SERVER_STAGES = {
    "transcription": "transcription",
    "endpointing": "end of turn",
    "first_token": "first token",
    "first_audio": "first audio",
}


def show(results: SuiteResults, console: Console) -> None:
    """Prints one table for every kind of figure of every set of engines."""
    about = results.machine
    console.print(
        f"{about['processor'] or about['model']}, {about['cores']} cores, "
        f"{int(str(about['memory_bytes'])) / MB:.0f} MB, load {about['load_1_minute']:.1f}; "
        "times in ms after the end of speech, p95 by nearest rank"
    )
    for engines in results.engine_sets:
        console.print(Group(Text(), *(_turns_table(engines, run) for run in engines.runs)))
        if len(engines.runs) > 1:
            console.print(_load_table(engines))
        if engines.managed:
            console.print(_managed_line(engines.managed))
        console.print(_engines_table(f"{engines.name}: engines alone", engines.alone))
    for comparison in results.comparisons:
        console.print(Group(Text(), _claims_table(comparison)))
        for turns in comparison.turns:
            console.print(_compared_turns_table(turns))
        for name, steps in comparison.ramps.items():
            console.print(_ramp_table(name, steps))
    if results.gpu:
        console.print(_engines_table("on the GPU, of random weights", results.gpu))
    for note in results.notes:
        console.print(note)
    if results.unanswered:
        console.print(f"[red]{results.unanswered} turns stayed unanswered.[/red]")


def _managed_line(model: ManagedModelFigures) -> str:
    return (
        f"{model.name} on the {model.device}: {model.tokens_per_second:.1f} tokens/s, first token"
        f" {model.warm_first_token_ms:.0f} ms when warm, {model.resident_bytes / MB:.0f} MB"
    )


def _turns_table(engines: EngineSetResult, run: LoadResult) -> Table:
    names = ", ".join(engines.engines.values())
    sessions = "one session" if run.sessions == 1 else f"{run.sessions} sessions"
    table = Table(
        title=f"{engines.name}: {sessions}, {run.turns} turns",
        caption=f"{names}; language model: {engines.llm}; "
        f"heard word by word: {run.understood} of {run.turns}",
    )
    for head in ("", "turns", "p50", "p95", "least", "most"):
        table.add_column(head, justify="left" if not head else "right")
    _add_stages(table, "client", CLIENT_STAGES, run.client)
    table.add_row("client: longest hole", *_cells(run.holes))
    table.add_section()
    _add_stages(table, "server", SERVER_STAGES, run.server)
    return table


def _add_stages(
    table: Table, side: str, titles: Mapping[str, str], stages: Mapping[str, Spread | None]
) -> None:
    for stage, title in titles.items():
        table.add_row(f"{side}: {title}", *_cells(stages.get(stage)))


def _cells(spread: Spread | None, digits: int = 0) -> list[str]:
    if spread is None:
        return ["0", "–", "–", "–", "–"]
    times = (spread.p50, spread.p95, spread.least, spread.most)
    return [str(spread.count), *(f"{value:.{digits}f}" for value in times)]


def _load_table(engines: EngineSetResult) -> Table:
    table = Table(
        title=f"{engines.name}: together",
        caption="first audio at the client; x: times that of one session; lag: longest stall of "
        "the event loop in ms so far, still: of the machine itself; cores: of the daemon; load: of "
        "the machine before; GPU: MB",
    )
    heads = ("sessions", "no answer", "p50", "x", "p95", "x", "most", "x")
    for head in (*heads, "MB", "each", "GPU", "lag", "still", "cores", "load"):
        table.add_column(head, justify="right")
    compared = {comparison.sessions: comparison for comparison in engines.comparisons()}
    for run in engines.runs:
        audio, comparison = run.client["first_audio"], compared.get(run.sessions)
        slower = comparison.first_audio if comparison else None
        measures: list[float | None] = [audio.p50, audio.p95, audio.most] if audio else []
        ratios: list[float | None] = [slower.p50, slower.p95, slower.most] if slower else []
        cells = [
            cell
            for measure, times in zip_longest(measures or [None] * 3, ratios)
            for cell in (_number(measure), _number(times, 2))
        ]
        table.add_row(
            *(str(run.sessions), f"{run.unanswered}/{run.turns}", *cells),
            _number(run.resident_bytes / MB),
            _number(comparison.bytes_per_session / MB if comparison else None, 1),
            _number(None if run.gpu_bytes is None else run.gpu_bytes / MB),
            *(_number(value, 1) for value in (run.loop_lag_max, run.machine_pause_max)),
            *(_number(value, 1) for value in (run.cpu, run.load)),
        )
    return table


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _claims_table(comparison: ComparisonRun) -> Table:
    table = Table(title=f"against Pipecat's stock services, {comparison.engines}")
    for head in ("", "", "ours", "stock", "ours/stock", "limit", ""):
        table.add_column(
            head, justify="right" if head in ("ours", "stock", "ours/stock") else "left"
        )
    verdicts = {True: "[green]met[/green]", False: "[red]missed[/red]", None: "open"}
    for row in comparison.rows:
        table.add_row(
            *(row.what, row.unit, _figure(row.ours), _figure(row.stock), _figure(row.ratio)),
            *(
                f"{row.limit.kind} {row.limit.value:g}",
                verdicts[row.met] + (row.note and f", {row.note}"),
            ),
        )
    return table


def _figure(value: float | None) -> str:
    """Three significant digits, without a fraction from 100 on."""
    return "–" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _compared_turns_table(turns: TurnsComparison) -> Table:
    table = Table(title=f"{turns.llm}: {turns.turns} turns, {turns.unanswered} unanswered")
    for head in ("", "turns", "p50", "p95", "least", "most"):
        table.add_column(head, justify="left" if not head else "right")
    for name, stages in turns.stages.items():
        _add_stages(table, name, CLIENT_STAGES, stages)
        table.add_row(f"{name}: longest hole", *_cells(turns.holes.get(name)))
        table.add_section()
    return table


def _ramp_table(name: str, steps: Sequence[RampStep]) -> Table:
    table = Table(
        title=f"{name}: more and more sessions",
        caption="first audio in ms; late: not before the next utterance; cores: of the server, "
        "and of the client that measures",
    )
    for head in ("sessions", "turns", "late", "p50", "p95", "most", "cores", "client"):
        table.add_column(head, justify="right")
    for step in steps:
        audio = step.first_audio
        table.add_row(
            *(str(step.sessions), str(step.turns), str(step.late)),
            *(_number(value) for value in ((audio.p50, audio.p95, audio.most) if audio else ())),
            *([""] * 3 if audio is None else []),
            *(_number(step.cpu, 2), _number(step.client_cpu, 2)),
        )
    return table


def _engines_table(title: str, engines: Sequence[EngineResult]) -> Table:
    table = Table(title=title)
    for head in ("", "", "runs", "p50", "p95", "least", "most"):
        table.add_column(head, justify="left" if not head else "right")
    for engine in engines:
        for measure, spread in engine.figures.items():
            is_factor = measure == "real_time"
            name = "real-time factor" if is_factor else f"{measure.replace('_', ' ')} (ms)"
            table.add_row(engine.engine, name, *_cells(spread, 3 if is_factor else 0))
    return table
