"""The appliance beside Pipecat's stock services: the same engines, endpoint, client and minutes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace

from appliance.bench import contenders, paired_runs
from appliance.bench.claims import ClaimRow, ComparedPair, Limit, medians, steadiness
from appliance.bench.contenders import OURS, STOCK, BenchSetup, Contender, Timed, Weights
from appliance.bench.recordings import Sentence
from appliance.bench.scripted_llm import (
    ANSWERS,
    SHORT_ANSWERS,
    ScriptedLLM,
    TokenPace,
    scripted_chat,
)
from appliance.bench.session_cost import Costs, Load, carried, costs, ramp
from appliance.bench.statistics import Spread, spread
from appliance.bench.turns import STAGES, MeasuredTurn
from appliance.client import Call

MB = 1 << 20
FAST, SLOW = 200.0, 20.0  # tokens a second: a good service, a small board


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: turns, interruptions, sessions to divide memory by, sizes of crowds
    (none: no crowds) and the fewest turns of one, and turns beforehand that do not count."""

    turns: int = 20
    interruptions: int = 10
    sessions: int = 8
    crowds: tuple[int, ...] = (1, 16, 24, 32, 40, 48)
    crowd_turns: int = 6
    settle: int = 2


@dataclass(frozen=True, slots=True)
class Exchange:
    """Turns with one kind of endpoint: spreads in milliseconds by stage, of each contender."""

    llm: str
    turns: int
    unanswered: int
    stages: Mapping[str, Mapping[str, Spread | None]]

    def pair(self) -> ComparedPair:
        """First audio."""
        return ComparedPair(self.stages[OURS]["first_audio"], self.stages[STOCK]["first_audio"])


@dataclass(frozen=True, slots=True)
class ComparisonRun:
    """One set of engines with both contenders, and the claims about it."""

    engines: str
    rows: tuple[ClaimRow, ...]
    exchanges: tuple[Exchange, ...]
    interruptions: Mapping[str, Spread | None] = field(default_factory=dict)
    costs: Mapping[str, Costs] = field(default_factory=dict)
    ramps: Mapping[str, Sequence[Load]] = field(default_factory=dict)

    @property
    def unanswered(self) -> int:
        """Turns without an answer, but for those of crowds: what is too much is found there."""
        return sum(exchange.unanswered for exchange in self.exchanges)

    def as_json(self) -> dict[str, object]:
        kept = {name: asdict(self)[name] for name in ("engines", "exchanges", "interruptions")}
        return {
            **kept,
            "costs": {name: asdict(cost) for name, cost in self.costs.items()},
            "ramps": {name: [asdict(load) for load in loads] for name, loads in self.ramps.items()},
            "rows": [row.as_json() for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class _Ring:
    """Both contenders on one scripted endpoint."""

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
async def _ring(
    engines: Timed | Weights, pace: TokenPace, around: BenchSetup
) -> AsyncIterator[_Ring]:
    around.tell(f"{engines}: loading")
    async with (
        scripted_chat(pace) as script,
        contenders.ours(engines, script.url, around) as ours,
        contenders.stock(engines, script.url, around) as stock,
    ):
        yield _Ring({OURS: ours, STOCK: stock}, script)


async def timed(
    engines: Timed,
    said: Sequence[Sentence],
    longest: Sentence,
    extent: Extent,
    around: BenchSetup,
) -> ComparisonRun:
    """Everything that can be told with engines that only take time. Raises ApplianceError.

    Crowds say `longest`, the others one sentence of `said` after the other.
    """
    brief = TokenPace(tokens_per_second=FAST, answers=SHORT_ANSWERS)
    cost: dict[str, Costs] = {}
    ramps: dict[str, Sequence[Load]] = {}
    async with _ring(engines, brief, around) as ring:
        # First of all: later the processes hold memory of sessions that ended.
        for name, contender in ring.contenders.items():
            around.tell(f"{name}: {extent.sessions} sessions")
            cost[name] = await costs(contender, said, extent.sessions, extent.settle)
        async with ring.calls() as calls:
            ring.script.pace = replace(brief, answers=ANSWERS)
            await _settle(calls, said, extent)
            fast = await _exchange(calls, said, extent, f"{FAST:g} tokens/s", around)
            done = await paired_runs.interruptions(calls, said, extent.interruptions, around.tell)
            ring.script.pace = TokenPace(tokens_per_second=SLOW, answers=ANSWERS)
            slow = await _exchange(calls, said, extent, f"{SLOW:g} tokens/s", around)
        ring.script.pace = brief
        for name, contender in ring.contenders.items() if extent.crowds else ():
            ramps[name] = await ramp(
                contender, longest, extent.crowds, extent.crowd_turns, around.tell
            )
    stopped = {name: spread(1000 * after for after in times) for name, times in done.items()}
    rows = _claims(fast, slow, stopped, cost, ramps)
    return ComparisonRun(str(engines), rows, (fast, slow), stopped, cost, ramps)


def _claims(
    fast: Exchange,
    slow: Exchange,
    interruptions: Mapping[str, Spread | None],
    cost: Mapping[str, Costs],
    ramps: Mapping[str, Sequence[Load]],
) -> tuple[ClaimRow, ...]:
    ended = ComparedPair(interruptions[OURS], interruptions[STOCK])
    return (
        medians(f"first audio, {fast.llm}", fast.pair(), Limit("at most", 430)),
        medians(f"first audio, {slow.llm}", slow.pair(), Limit("of stock at most", 0.5)),
        medians("barge-in to last sound", ended, Limit("at most", 150)),
        *_cost_rows(cost),
        _crowd_row(ramps),
    )


async def weighty(
    engines: Weights, said: Sequence[Sentence], extent: Extent, pace: TokenPace, around: BenchSetup
) -> ComparisonRun:
    """Whole turns on real computing. Raises ApplianceError."""
    pace = replace(pace, answers=ANSWERS)
    async with _ring(engines, pace, around) as ring, ring.calls() as calls:
        await _settle(calls, said, extent)
        exchange = await _exchange(calls, said, extent, str(pace), around, overlap=False)
    pair = exchange.pair()
    rows = (
        medians(f"first audio, {engines}", pair, Limit("of stock at most", 0.4)),
        steadiness("first audio, p95 as a multiple of p50", pair, 1.5),
    )
    return ComparisonRun(str(engines), rows, (exchange,))


async def _settle(calls: Mapping[str, Call], said: Sequence[Sentence], extent: Extent) -> None:
    await asyncio.gather(
        *(paired_runs.settle(call, said, extent.settle) for call in calls.values())
    )


async def _exchange(
    calls: Mapping[str, Call],
    said: Sequence[Sentence],
    extent: Extent,
    llm: str,
    around: BenchSetup,
    *,
    overlap: bool = True,
) -> Exchange:
    done = await paired_runs.turns(
        calls, said, extent.turns, lambda told: around.tell(f"{llm}: {told}"), overlap=overlap
    )
    return exchanged(llm, done)


def exchanged(llm: str, done: Mapping[str, Sequence[MeasuredTurn]]) -> Exchange:
    """Turns by contender as spreads by stage. Pure."""
    every = [turn for turns in done.values() for turn in turns]
    return Exchange(
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
    )


def _cost_rows(cost: Mapping[str, Costs]) -> list[ClaimRow]:
    ours, stock = cost[OURS], cost[STOCK]
    stalls = ComparedPair(
        *(spread(1000 * stall for stall in contender.stalls) for contender in (ours, stock))
    )
    idle, active = Limit("at most", 1), Limit("at most", 8)
    mine, theirs = ours.active_bytes / MB, stock.active_bytes / MB
    return [
        ClaimRow(
            "memory of an idle session", "MB", ours.idle_bytes / MB, stock.idle_bytes / MB, idle
        ),
        ClaimRow("memory of an active session", "MB", mine, theirs, active),
        medians("event loop stands still as a session begins", stalls, Limit("at most", 5)),
    ]


def _crowd_row(ramps: Mapping[str, Sequence[Load]]) -> ClaimRow:
    ours, stock = (carried(ramps[name]) if name in ramps else None for name in (OURS, STOCK))
    note = "" if ramps else "not asked for"
    return ClaimRow("sessions before p95 doubles", "", ours, stock, Limit("at least", 40), note)
