"""Measures what a session costs the server: memory, a stall of the event loop, and latency."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from appliance.bench.contenders import Contender
from appliance.bench.paired_runs import warm_up
from appliance.bench.recordings import Recording
from appliance.bench.statistics import Spread, per_session, spread
from appliance.bench.turns import is_audible, run_turn
from appliance.client import Call
from appliance.errors import SessionError

SETTLE_SECONDS = 0.5  # after a session has begun, until what it started has ended
SILENCE_SECONDS = 3.0  # between two sentences of a speaker, in which the answer must begin
ROUNDS = 3  # of a step of the ramp, where that makes turns enough

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SessionCosts:
    """Per additional session: bytes while idle and after turns, and seconds of stall at its start.

    `stalls` has one value for each session.
    """

    idle_bytes: float
    active_bytes: float
    stalls: tuple[float, ...]


async def measure_costs(
    contender: Contender, recordings: Sequence[Recording], count: int, turns: int
) -> SessionCosts:
    """Opens `count` sessions beside one that is warm. Raises SessionError.

    An idle session is connected and sends silence; an active one has had that many `turns`.
    """
    server = contender.server
    async with AsyncExitStack() as stack:
        await warm_up(await stack.enter_async_context(contender.call()), recordings, turns)
        alone, stalls, calls = server.private_bytes(), [], []
        for _ in range(count):
            begin = time.monotonic()
            calls.append(await stack.enter_async_context(contender.call()))
            await asyncio.sleep(SETTLE_SECONDS)
            iterations = server.loop_iterations(begin, time.monotonic())
            stalls.append(max((one.stall for one in iterations), default=0.0))
        idle = server.private_bytes()
        await asyncio.gather(
            *(
                _delayed_turns(call, recordings, turns, number / count)
                for number, call in enumerate(calls)
            )
        )
        active = server.private_bytes()
    return SessionCosts(
        per_session(idle, alone, count), per_session(active, alone, count), tuple(stalls)
    )


async def _delayed_turns(
    call: Call, recordings: Sequence[Recording], turns: int, share: float
) -> None:
    """Runs turns, delayed by a share of SILENCE_SECONDS, so that sessions do not speak at once."""
    await asyncio.sleep(share * SILENCE_SECONDS)
    for number in range(turns):
        await run_turn(call, recordings[number % len(recordings)])


@dataclass(frozen=True, slots=True)
class RampStep:
    """One step of a ramp: milliseconds to first audio, processor use in cores.

    `late` turns had no sound before their speaker spoke again. `turns` is 0 where the server
    refused one of the sessions. `client_cpu` is what the measuring process itself used.
    """

    sessions: int
    turns: int
    late: int
    first_audio: Spread | None
    cpu: float
    client_cpu: float


async def measure_ramp(
    contender: Contender,
    recording: Recording,
    sizes: Sequence[int],
    turns: int,
    progress: Progress,
) -> list[RampStep]:
    """Measures ever more concurrent sessions until the server does not sustain them.

    Every session repeats `recording` with SILENCE_SECONDS between; a step has at least `turns`
    turns in all. Raises SessionError. See `is_sustained`.
    """
    steps: list[RampStep] = []
    async with AsyncExitStack() as stack:
        calls: list[Call] = []
        for size in sorted(sizes):
            progress(f"{contender.name}: {size} sessions")
            try:
                while len(calls) < size:
                    calls.append(await stack.enter_async_context(contender.call()))
            except SessionError:
                steps.append(RampStep(size, 0, 0, None, 0.0, 0.0))
                break
            await asyncio.sleep(SETTLE_SECONDS)
            rounds = max(min(ROUNDS, turns), -(-turns // size))
            steps.append(await _measure_step(contender, calls, recording, rounds))
            if not is_sustained(steps[-1], steps[0]):
                break
    return steps


def is_sustained(step: RampStep, alone: RampStep) -> bool:
    """Whether no turn was late and the 95th percentile is at most twice that of one session."""
    if step.first_audio is None or alone.first_audio is None:
        return False
    return not step.late and step.first_audio.p95 <= 2 * alone.first_audio.p95


def max_sustained_sessions(steps: Sequence[RampStep]) -> int:
    """The most sessions that were sustained; 0 where not even the first step was."""
    return max((step.sessions for step in steps if is_sustained(step, steps[0])), default=0)


async def _measure_step(
    contender: Contender, calls: Sequence[Call], recording: Recording, rounds: int
) -> RampStep:
    begin, cpu, client = time.monotonic(), contender.server.cpu_seconds(), time.process_time()
    period = recording.seconds + SILENCE_SECONDS
    answers = await asyncio.gather(
        *(
            _repeat(call, recording, begin + period * number / len(calls), rounds)
            for number, call in enumerate(calls)
        )
    )
    seconds = time.monotonic() - begin
    after = [answer for session in answers for answer in session]
    return RampStep(
        sessions=len(calls),
        turns=len(after),
        late=after.count(None),
        first_audio=spread(1000 * answer for answer in after if answer is not None),
        cpu=(contender.server.cpu_seconds() - cpu) / seconds,
        client_cpu=(time.process_time() - client) / seconds,
    )


async def _repeat(call: Call, recording: Recording, due: float, rounds: int) -> list[float | None]:
    """Seconds from the end of each utterance to the first sound; None where that was late."""
    after: list[float | None] = []
    for _ in range(rounds):
        await asyncio.sleep(due - time.monotonic())
        call.arrived.clear()
        due += recording.seconds + SILENCE_SECONDS
        try:
            end = await call.say(recording.pcm)
            first = await call.wait_for(is_audible, since=end, seconds=due - time.monotonic())
            after.append(first.at - end)
        except SessionError:
            after.append(None)
    return after
