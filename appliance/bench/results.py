"""What a run came to, ready to be printed and kept. Times are in milliseconds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from appliance.bench.engine_bench import SynthesisTiming, TranscriptionTiming
from appliance.bench.statistics import Ratio, Spread, per_session, ratio, spread
from appliance.bench.turns import STAGES, Crowd

# A stage's samples in /metrics.
_STAGE = 'appliance_turn_stage_seconds_{}{{stage="{}"}}'
_SERVER_STAGES = ("endpointing", "transcription", "first_token", "first_audio")
_LAG = "appliance_loop_lag_max_seconds"


@dataclass(frozen=True, slots=True)
class CrowdResult:
    """`client` and `server` are spreads by stage, from end of speech as either side saw it.

    `server` comes from the database, `server_mean` from /metrics of the whole process so far, as
    does `loop_lag_max`; `machine_pause_max` is how long the machine itself stood still meanwhile.
    `cpu` is in cores. `gpu_bytes` are of graphics cards and above what was held before; None
    where no card tells.
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


def crowd_result(
    crowd: Crowd,
    timings: Sequence[Mapping[str, float]],
    metrics: Mapping[str, float],
    gpu_before: int | None = None,
    machine_pause: float = 0.0,
) -> CrowdResult:
    """`timings` are the server's own, a turn each, in milliseconds; `metrics` all its samples;
    `gpu_before` is what graphics cards held before the server began, `machine_pause` in seconds
    how long the machine stood still."""
    return CrowdResult(
        sessions=crowd.sessions,
        turns=len(crowd.turns),
        unanswered=sum(not turn.answered for turn in crowd.turns),
        understood=sum(turn.understood for turn in crowd.turns),
        client={
            stage: spread(1000 * t.after[stage] for t in crowd.turns if stage in t.after)
            for stage in STAGES
        },
        server={
            stage: spread(turn[stage] for turn in timings if stage in turn)
            for stage in _SERVER_STAGES
        },
        server_mean={stage: _mean(metrics, stage) for stage in _SERVER_STAGES},
        loop_lag_max=1000 * metrics.get(_LAG, 0.0),
        resident_bytes=crowd.resident,
        cpu=crowd.cpu_seconds / crowd.seconds,
        load=crowd.load,
        dropped_audio=sum(
            value for name, value in metrics.items() if name.startswith("appliance_dropped_total")
        ),
        machine_pause_max=1000 * machine_pause,
        gpu_bytes=None if crowd.gpu is None else crowd.gpu - (gpu_before or 0),
    )


def _mean(metrics: Mapping[str, float], stage: str) -> float:
    count = metrics.get(_STAGE.format("count", stage), 0.0)
    return 1000 * metrics.get(_STAGE.format("sum", stage), 0.0) / count if count else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A crowd beside the smallest one of the run: how much slower, and what each session costs."""

    sessions: int
    against: int
    first_audio: Ratio | None
    bytes_per_session: float


@dataclass(frozen=True, slots=True)
class EngineResult:
    """Spreads of an engine alone, by what was measured; `real_time` is a share, not a time."""

    engine: str
    figures: Mapping[str, Spread | None]


@dataclass(frozen=True, slots=True)
class SubjectResult:
    """One set of engines: in whole turns by number of sessions, and alone."""

    name: str
    engines: Mapping[str, str]
    llm: str
    ready_resident_bytes: int
    crowds: tuple[CrowdResult, ...]
    alone: tuple[EngineResult, ...]

    @property
    def unanswered(self) -> int:
        return sum(crowd.unanswered for crowd in self.crowds)

    def comparisons(self) -> list[Comparison]:
        """Every other crowd beside the first."""
        first, *others = self.crowds
        return [
            Comparison(
                crowd.sessions,
                first.sessions,
                ratio(crowd.client["first_audio"], first.client["first_audio"]),
                per_session(
                    crowd.resident_bytes, first.resident_bytes, crowd.sessions - first.sessions
                ),
            )
            for crowd in others
        ]

    def as_json(self) -> dict[str, object]:
        return {
            **asdict(self),
            "comparisons": [asdict(comparison) for comparison in self.comparisons()],
        }


def heard_result(heard: TranscriptionTiming) -> EngineResult:
    return EngineResult(
        heard.engine,
        {"transcribe": _milliseconds(heard.seconds), "real_time": spread(heard.real_time)},
    )


def spoken_result(spoken: SynthesisTiming) -> EngineResult:
    return EngineResult(
        spoken.engine,
        {
            "first_chunk": _milliseconds(spoken.first),
            "synthesize": _milliseconds(spoken.whole),
            "real_time": spread(spoken.real_time),
        },
    )


def _milliseconds(seconds: Sequence[float]) -> Spread | None:
    return spread(1000 * value for value in seconds)
