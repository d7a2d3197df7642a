"""Compares the appliance with stock Pipecat: same engines, language model, client and minutes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace

from appliance.bench import contenders, paired_runs
from appliance.bench.answers import LONG_ANSWERS, SHORT_ANSWERS, VARIED_ANSWERS
from appliance.bench.claims import (
    ClaimRow,
    ComparedPair,
    Limit,
    median_claim,
    model_claims,
    tail_claim,
)
from appliance.bench.contenders import (
    OURS,
    STOCK,
    BenchSetup,
    Contender,
    ModelEngines,
    TimedEngines,
)
from appliance.bench.recordings import Recording
from appliance.bench.scripted_llm import ScriptedLLM, TokenPace, scripted_llm
from appliance.bench.session_cost import (
    RampStep,
    SessionCosts,
    max_sustained_sessions,
    measure_costs,
    measure_ramp,
)
from appliance.bench.statistics import Spread, spread
from appliance.bench.turns import STAGES, MeasuredTurn
from appliance.client import Call

MB = 1 << 20
FAST, SLOW = 200.0, 20.0  # tokens a second: a good service, a small board


@dataclass(frozen=True, slots=True)
class ComparisonSize:
    """The amount of measuring.

    `commands` is the number of spoken commands, `sessions` the number by which the memory of many
    sessions is divided, `ramp` the numbers of concurrent sessions to try (none: no ramp),
    `ramp_turns` the least number of turns of a step, and `warm_up_turns` are run beforehand and do
    not count.
    """

    turns: int = 20
    interruptions: int = 10
    commands: int = 10
    sessions: int = 8
    ramp: tuple[int, ...] = (1, 16, 24, 32, 40, 48)
    ramp_turns: int = 6
    warm_up_turns: int = 2


@dataclass(frozen=True, slots=True)
class TurnsComparison:
    """Turns of both contenders with one language model: spreads in milliseconds, by contender.

    `stages` are by stage, too; `holes` are of the longest hole in each answer.
    """

    llm: str
    turns: int
    unanswered: int
    stages: Mapping[str, Mapping[str, Spread | None]]
    holes: Mapping[str, Spread | None] = field(default_factory=dict)

    def first_audio(self) -> ComparedPair:
        return ComparedPair(self.stages[OURS]["first_audio"], self.stages[STOCK]["first_audio"])


@dataclass(frozen=True, slots=True)
class ComparisonRun:
    """One set of engines with both contenders, and the claims about it.

    Mappings are by contender; interruptions are in milliseconds. `commands` is the appliance's
    first audio after spoken commands in milliseconds, None where there were none.
    """

    engines: str
    rows: tuple[ClaimRow, ...]
    turns: tuple[TurnsComparison, ...]
    interruptions: Mapping[str, Spread | None] = field(default_factory=dict)
    costs: Mapping[str, SessionCosts] = field(default_factory=dict)
    ramps: Mapping[str, Sequence[RampStep]] = field(default_factory=dict)
    commands: Spread | None = None

    @property
    def unanswered(self) -> int:
        """Unanswered turns, without those of ramps, which are meant to find the limit."""
        return sum(turns.unanswered for turns in self.turns)

    def as_json(self) -> dict[str, object]:
        return {
            "engines": self.engines,
            "exchanges": [asdict(turns) for turns in self.turns],
            "commands": None if self.commands is None else asdict(self.commands),
            "interruptions": {
                name: None if times is None else asdict(times)
                for name, times in self.interruptions.items()
            },
            "costs": {name: asdict(cost) for name, cost in self.costs.items()},
            "ramps": {name: [asdict(step) for step in steps] for name, steps in self.ramps.items()},
            "rows": [row.as_json() for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class _ContenderPair:
    """Both contenders, connected to one scripted language model."""

    contenders: Mapping[str, Contender]
    script: ScriptedLLM

    @asynccontextmanager
    async def calls(self) -> AsyncIterator[Mapping[str, Call]]:
        """A session with each."""
        async with AsyncExitStack() as stack:
            yield {
                name: await stack.enter_async_context(contender.call())
                for name, contender in self.contenders.items()
            }


@asynccontextmanager
async def _contender_pair(
    engines: TimedEngines | ModelEngines, pace: TokenPace, setup: BenchSetup
) -> AsyncIterator[_ContenderPair]:
    setup.progress(f"{engines}: loading")
    async with (
        scripted_llm(pace) as script,
        contenders.running_appliance(engines, script.url, setup) as ours,
        contenders.running_stock(engines, script.url, setup) as stock,
    ):
        yield _ContenderPair({OURS: ours, STOCK: stock}, script)


async def compare_timed(
    engines: TimedEngines,
    recordings: Sequence[Recording],
    longest: Recording,
    size: ComparisonSize,
    setup: BenchSetup,
) -> ComparisonRun:
    """Measures everything that needs no real computing. Raises ApplianceError.

    Ramps say `longest`; everything else says one of `recordings` after the other.
    """
    brief = TokenPace(tokens_per_second=FAST, answers=SHORT_ANSWERS)
    costs: dict[str, SessionCosts] = {}
    ramps: dict[str, Sequence[RampStep]] = {}
    async with _contender_pair(engines, brief, setup) as pair:
        # First of all: later the processes hold memory of sessions that ended.
        for name, contender in pair.contenders.items():
            setup.progress(f"{name}: {size.sessions} sessions")
            costs[name] = await measure_costs(
                contender, recordings, size.sessions, size.warm_up_turns
            )
        async with pair.calls() as calls:
            pair.script.pace = replace(brief, answers=LONG_ANSWERS)
            await _warm_up(calls, recordings, size)
            fast = await _compare_turns(calls, recordings, size, f"{FAST:g} tokens/s", setup)
            done = await paired_runs.run_interruptions(
                calls, recordings, size.interruptions, setup.progress
            )
            pair.script.pace = TokenPace(tokens_per_second=SLOW, answers=LONG_ANSWERS)
            slow = await _compare_turns(calls, recordings, size, f"{SLOW:g} tokens/s", setup)
        pair.script.pace = brief
        for name, contender in pair.contenders.items() if size.ramp else ():
            ramps[name] = await measure_ramp(
                contender, longest, size.ramp, size.ramp_turns, setup.progress
            )
    stopped = _in_milliseconds(done)
    rows = _claims(fast, slow, stopped, costs, ramps)
    return ComparisonRun(str(engines), rows, (fast, slow), stopped, costs, ramps)


def _claims(
    fast: TurnsComparison,
    slow: TurnsComparison,
    interruptions: Mapping[str, Spread | None],
    costs: Mapping[str, SessionCosts],
    ramps: Mapping[str, Sequence[RampStep]],
) -> tuple[ClaimRow, ...]:
    stopped = ComparedPair(interruptions[OURS], interruptions[STOCK])
    return (
        median_claim(f"first audio, {fast.llm}", fast.first_audio(), Limit("at most", 320)),
        tail_claim(f"first audio, {fast.llm}, p95 over p50", fast.first_audio(), 1.3),
        median_claim(
            f"first audio, {slow.llm}", slow.first_audio(), Limit("of stock at most", 0.5)
        ),
        median_claim("barge-in to last sound", stopped, Limit("at most", 150)),
        *_cost_claims(costs),
        _ramp_claim(ramps),
    )


async def compare_models(
    engines: ModelEngines,
    recordings: Sequence[Recording],
    commands: Sequence[Recording],
    size: ComparisonSize,
    pace: TokenPace,
    setup: BenchSetup,
) -> ComparisonRun:
    """Measures whole turns on real computing, with answers that differ. Raises ApplianceError.

    `commands` are said to the appliance alone; none for engines that understand no words.
    """
    pace = replace(pace, answers=VARIED_ANSWERS)
    async with _contender_pair(engines, pace, setup) as pair, pair.calls() as calls:
        await _warm_up(calls, recordings, size)
        turns = await _compare_turns(calls, recordings, size, str(pace), setup, overlap=False)
        obeyed = await _run_commands(calls[OURS], commands, size, setup)
        done = await paired_runs.run_interruptions(
            calls, recordings, size.interruptions, setup.progress
        )
    stopped = _in_milliseconds(done)
    rows = model_claims(
        str(engines),
        turns.first_audio(),
        ComparedPair(turns.holes[OURS], turns.holes[STOCK]),
        obeyed,
        ComparedPair(stopped[OURS], stopped[STOCK]),
    )
    return ComparisonRun(str(engines), rows, (turns,), stopped, commands=obeyed)


async def _run_commands(
    call: Call, commands: Sequence[Recording], size: ComparisonSize, setup: BenchSetup
) -> Spread | None:
    """The first audio of commands in milliseconds; None for no commands."""
    if not commands:
        return None
    done = await paired_runs.run_turns(
        *({OURS: call}, commands, size.commands),
        lambda message: setup.progress(f"commands: {message}"),
        overlap=False,
    )
    return turns_comparison("no model", done).stages[OURS]["first_audio"]


def _in_milliseconds(done: Mapping[str, Sequence[float]]) -> dict[str, Spread | None]:
    """Spreads of seconds by contender."""
    return {name: spread(1000 * seconds for seconds in times) for name, times in done.items()}


async def _warm_up(
    calls: Mapping[str, Call], recordings: Sequence[Recording], size: ComparisonSize
) -> None:
    await asyncio.gather(
        *(paired_runs.warm_up(call, recordings, size.warm_up_turns) for call in calls.values())
    )


async def _compare_turns(
    calls: Mapping[str, Call],
    recordings: Sequence[Recording],
    size: ComparisonSize,
    llm: str,
    setup: BenchSetup,
    *,
    overlap: bool = True,
) -> TurnsComparison:
    done = await paired_runs.run_turns(
        *(calls, recordings, size.turns),
        lambda message: setup.progress(f"{llm}: {message}"),
        overlap=overlap,
    )
    return turns_comparison(llm, done)


def turns_comparison(llm: str, done: Mapping[str, Sequence[MeasuredTurn]]) -> TurnsComparison:
    """Sums up turns by contender to spreads by stage. Pure."""
    every = [turn for turns in done.values() for turn in turns]
    return TurnsComparison(
        llm,
        turns=len(every),
        unanswered=sum(not turn.answered for turn in every),
        stages={
            name: {
                stage: spread(1000 * turn.after[stage] for turn in turns if stage in turn.after)
                for stage in STAGES
            }
            for name, turns in done.items()
        },
        holes=_in_milliseconds(
            {
                name: [turn.longest_hole for turn in turns if turn.answered]
                for name, turns in done.items()
            }
        ),
    )


def _cost_claims(costs: Mapping[str, SessionCosts]) -> list[ClaimRow]:
    ours, stock = costs[OURS], costs[STOCK]
    stalls = ComparedPair(
        *(spread(1000 * stall for stall in contender.stalls) for contender in (ours, stock))
    )
    idle, active = Limit("at most", 1), Limit("at most", 8)
    return [
        ClaimRow(
            "memory of an idle session", "MB", ours.idle_bytes / MB, stock.idle_bytes / MB, idle
        ),
        ClaimRow(
            "memory of an active session",
            "MB",
            ours.active_bytes / MB,
            stock.active_bytes / MB,
            active,
        ),
        median_claim("event loop stands still as a session begins", stalls, Limit("at most", 5)),
    ]


def _ramp_claim(ramps: Mapping[str, Sequence[RampStep]]) -> ClaimRow:
    ours, stock = (
        max_sustained_sessions(ramps[name]) if name in ramps else None for name in (OURS, STOCK)
    )
    note = "" if ramps else "not asked for"
    return ClaimRow("sessions before p95 doubles", "", ours, stock, Limit("at least", 40), note)
