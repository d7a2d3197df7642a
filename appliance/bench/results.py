"""Sums up the measurements of a run for tables and JSON. Times are in milliseconds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from appliance.bench.engine_bench import SynthesisTiming, TranscriptionTiming
from appliance.bench.managed import ManagedModelFigures
from appliance.bench.statistics import Ratio, Spread, per_session, ratio, spread
from appliance.bench.turns import STAGES, LoadRun

# A stage's samples in /metrics.
_STAGE = 'appliance_turn_stage_seconds_{}{{stage="{}"}}'
_SERVER_STAGES = ("endpointing", "transcription", "first_token", "first_audio")
_LAG = "appliance_loop_lag_max_seconds"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A run of concurrent sessions, summed up.

    `client` and `server` are spreads by stage, from the end of speech as either side saw it.
    `server` comes from the database; `server_mean` and `loop_lag_max` from /metrics, of the whole
    process so far. `machine_pause_max` is the longest stall of the machine itself. `cpu` is in
    cores. `gpu_bytes` is the additional memory on graphics cards, None where no card reports it.
    `holes` are of the longest hole in each answer.
    """

    sessions: int
    turns: int
    unanswered: int
    understood: int
    client: Mapping[str, Spread | None]
    server: Mapping[str, Spread | None]
    server_mean: Mapping[str, float]
    loop_lag_max: float
    resident_bytes: int
    cpu: float
    load: float
    dropped_audio: float
    machine_pause_max: float = 0.0
    gpu_bytes: int | None = None
    holes: Spread | None = None


def load_result(
    run: LoadRun,
    timings: Sequence[Mapping[str, float]],
    metrics: Mapping[str, float],
    gpu_before: int | None = None,
    machine_pause: float = 0.0,
) -> LoadResult:
    """Sums up a run.

    `timings` are the server's own in milliseconds, one mapping for each turn; `metrics` are all
    samples of /metrics. `gpu_before` is the memory in use on graphics cards before the server
    began, `machine_pause` the longest stall of the machine in seconds.
    """
    return LoadResult(
        sessions=run.sessions,
        turns=len(run.turns),
        unanswered=sum(not turn.answered for turn in run.turns),
        understood=sum(turn.understood for turn in run.turns),
        client={
            stage: spread(1000 * t.after[stage] for t in run.turns if stage in t.after)
            for stage in STAGES
        },
        server={
            stage: spread(turn[stage] for turn in timings if stage in turn)
            for stage in _SERVER_STAGES
        },
        server_mean={stage: _mean(metrics, stage) for stage in _SERVER_STAGES},
        loop_lag_max=1000 * metrics.get(_LAG, 0.0),
        resident_bytes=run.resident,
        cpu=run.cpu_seconds / run.seconds,
        load=run.load,
        dropped_audio=sum(
            value for name, value in metrics.items() if name.startswith("appliance_dropped_total")
        ),
        machine_pause_max=1000 * machine_pause,
        gpu_bytes=None if run.gpu is None else run.gpu - (gpu_before or 0),
        holes=spread(1000 * turn.longest_hole for turn in run.turns if turn.answered),
    )


def _mean(metrics: Mapping[str, float], stage: str) -> float:
    count = metrics.get(_STAGE.format("count", stage), 0.0)
    return 1000 * metrics.get(_STAGE.format("sum", stage), 0.0) / count if count else 0.0


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """A run compared with the smallest: how much slower, and what each session costs."""

    sessions: int
    against: int
    first_audio: Ratio | None
    bytes_per_session: float


@dataclass(frozen=True, slots=True)
class EngineResult:
    """Spreads of an engine alone, by measure; `real_time` is the real-time factor and no time."""

    engine: str
    figures: Mapping[str, Spread | None]


@dataclass(frozen=True, slots=True)
class EngineSetResult:
    """One set of engines: runs by number of sessions, and each engine alone."""

    name: str
    engines: Mapping[str, str]
    llm: str
    ready_resident_bytes: int
    runs: tuple[LoadResult, ...]
    alone: tuple[EngineResult, ...]
    managed: ManagedModelFigures | None = None

    @property
    def unanswered(self) -> int:
        return sum(run.unanswered for run in self.runs)

    def comparisons(self) -> list[LoadComparison]:
        """Every other run beside the first."""
        first, *others = self.runs
        return [
            LoadComparison(
                run.sessions,
                first.sessions,
                ratio(run.client["first_audio"], first.client["first_audio"]),
                per_session(
                    run.resident_bytes, first.resident_bytes, run.sessions - first.sessions
                ),
            )
            for run in others
        ]

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "engines": dict(self.engines),
            "llm": self.llm,
            "managed_model": asdict(self.managed) if self.managed else None,
            "ready_resident_bytes": self.ready_resident_bytes,
            "crowds": [asdict(run) for run in self.runs],
            "alone": [asdict(engine) for engine in self.alone],
            "comparisons": [asdict(comparison) for comparison in self.comparisons()],
        }


def transcription_result(timing: TranscriptionTiming) -> EngineResult:
    return EngineResult(
        timing.engine,
        {"transcribe": _spread_ms(timing.seconds), "real_time": spread(timing.real_time)},
    )


def synthesis_result(timing: SynthesisTiming) -> EngineResult:
    return EngineResult(
        timing.engine,
        {
            "first_chunk": _spread_ms(timing.first),
            "synthesize": _spread_ms(timing.whole),
            "real_time": spread(timing.real_time),
        },
    )


def _spread_ms(seconds: Sequence[float]) -> Spread | None:
    return spread(1000 * value for value in seconds)
