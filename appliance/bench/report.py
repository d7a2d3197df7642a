"""The results as tables for people."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from appliance.bench.comparison import ComparisonRun, Exchange
from appliance.bench.results import CrowdResult, EngineResult, SubjectResult
from appliance.bench.session_cost import Load
from appliance.bench.statistics import Spread
from appliance.bench.suite import Results

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


def show(results: Results, console: Console) -> None:
    """Prints one table a kind of figure for every set of engines."""
    about = results.machine
    console.print(
        f"{about['processor'] or about['model']}, {about['cores']} cores, "
        f"{int(str(about['memory_bytes'])) / MB:.0f} MB, load {about['load_1_minute']:.1f}; "
        "times in ms after the end of speech, p95 by nearest rank"
    )
    for subject in results.subjects:
        console.print(Group(Text(), *(_turns(subject, crowd) for crowd in subject.crowds)))
        if len(subject.crowds) > 1:
            console.print(_crowds(subject))
        console.print(_alone(f"{subject.name}: engines alone", subject.alone))
    for comparison in results.comparisons:
        console.print(Group(Text(), _claims(comparison)))
        for exchange in comparison.exchanges:
            console.print(_exchange(exchange))
        for name, loads in comparison.ramps.items():
            console.print(_ramp(name, loads))
    if results.accelerated:
        console.print(_alone("on the GPU, of random weights", results.accelerated))
    for note in results.notes:
        console.print(note)
    if results.unanswered:
        console.print(f"[red]{results.unanswered} turns stayed unanswered.[/red]")


def _turns(subject: SubjectResult, crowd: CrowdResult) -> Table:
    engines = ", ".join(subject.engines.values())
    people = "one session" if crowd.sessions == 1 else f"{crowd.sessions} sessions"
    table = Table(
        title=f"{subject.name}: {people}, {crowd.turns} turns",
        caption=f"{engines}; language model: {subject.llm}; "
        f"heard word by word: {crowd.understood} of {crowd.turns}",
    )
    for head in ("", "turns", "p50", "p95", "least", "most"):
        table.add_column(head, justify="left" if not head else "right")
    _add(table, "client", CLIENT_STAGES, crowd.client)
    table.add_section()
    _add(table, "server", SERVER_STAGES, crowd.server)
    return table


def _add(
    table: Table, side: str, titles: Mapping[str, str], stages: Mapping[str, Spread | None]
) -> None:
    for stage, title in titles.items():
        table.add_row(f"{side}: {title}", *_cells(stages.get(stage)))


def _cells(spread: Spread | None, digits: int = 0) -> list[str]:
    if spread is None:
        return ["0", "–", "–", "–", "–"]
    times = (spread.p50, spread.p95, spread.least, spread.most)
    return [str(spread.count), *(f"{value:.{digits}f}" for value in times)]


def _crowds(subject: SubjectResult) -> Table:
    table = Table(
        title=f"{subject.name}: together",
        caption="first audio as clients hear it; x: times one alone; lag: longest stall of the "
        "event loop in ms so far, still: of the machine itself; cores: of the daemon; load: of "
        "the machine before; GPU: MB",
    )
    heads = ("sessions", "no answer", "p50", "x", "p95", "x", "most", "x")
    for head in (*heads, "MB", "each", "GPU", "lag", "still", "cores", "load"):
        table.add_column(head, justify="right")
    compared = {comparison.sessions: comparison for comparison in subject.comparisons()}
    for crowd in subject.crowds:
        audio, beside = crowd.client["first_audio"], compared.get(crowd.sessions)
        slower = beside.first_audio if beside else None
        measures: list[float | None] = [audio.p50, audio.p95, audio.most] if audio else []
        ratios: list[float | None] = [slower.p50, slower.p95, slower.most] if slower else []
        cells = [
            cell
            for measure, times in zip_longest(measures or [None] * 3, ratios)
            for cell in (_number(measure), _number(times, 2))
        ]
        table.add_row(
            *(str(crowd.sessions), f"{crowd.unanswered}/{crowd.turns}", *cells),
            _number(crowd.resident_bytes / MB),
            _number(beside.bytes_per_session / MB if beside else None, 1),
            _number(None if crowd.gpu_bytes is None else crowd.gpu_bytes / MB),
            *(_number(value, 1) for value in (crowd.loop_lag_max, crowd.machine_pause_max)),
            *(_number(value, 1) for value in (crowd.cpu, crowd.load)),
        )
    return table


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _claims(comparison: ComparisonRun) -> Table:
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
    """Three digits, as far as they say anything."""
    return "–" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _exchange(exchange: Exchange) -> Table:
    table = Table(title=f"{exchange.llm}: {exchange.turns} turns, {exchange.unanswered} unanswered")
    for head in ("", "turns", "p50", "p95", "least", "most"):
        table.add_column(head, justify="left" if not head else "right")
    for name, stages in exchange.stages.items():
        _add(table, name, CLIENT_STAGES, stages)
        table.add_section()
    return table


def _ramp(name: str, loads: Sequence[Load]) -> Table:
    table = Table(
        title=f"{name}: more and more sessions",
        caption="first audio in ms; late: not before the next utterance; cores: of the server, "
        "and of the client that measures",
    )
    for head in ("sessions", "turns", "late", "p50", "p95", "most", "cores", "client"):
        table.add_column(head, justify="right")
    for load in loads:
        audio = load.first_audio
        table.add_row(
            *(str(load.sessions), str(load.turns), str(load.late)),
            *(_number(value) for value in ((audio.p50, audio.p95, audio.most) if audio else ())),
            *([""] * 3 if audio is None else []),
            *(_number(load.cpu, 2), _number(load.client_cpu, 2)),
        )
    return table


def _alone(title: str, engines: Sequence[EngineResult]) -> Table:
    table = Table(title=title)
    for head in ("", "", "runs", "p50", "p95", "least", "most"):
        table.add_column(head, justify="left" if not head else "right")
    for engine in engines:
        for what, spread in engine.figures.items():
            is_share = what == "real_time"
            title = "real-time factor" if is_share else f"{what.replace('_', ' ')} (ms)"
            table.add_row(engine.engine, title, *_cells(spread, 3 if is_share else 0))
    return table
