"""What sessions cost a process: memory, a stall of the event loop when one begins, and time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from appliance.bench.contenders import Contender
from appliance.bench.paired_runs import settle
from appliance.bench.recordings import Sentence
from appliance.bench.statistics import Spread, per_session, spread
from appliance.bench.turns import audible, turn
from appliance.client import Call
from appliance.errors import SessionError

SETTLE_SECONDS = 0.5  # after a session has begun, until what it started has ended
QUIET_SECONDS = 3.0  # in which somebody of a crowd says nothing, and is to be answered
ROUNDS = 3  # of a crowd that has turns enough in them

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Costs:
    """Of each session more: bytes while idle and after turns; seconds of stall as it began."""

    idle_bytes: float
    active_bytes: float
    stalls: tuple[float, ...]


async def costs(
    contender: Contender, sentences: Sequence[Sentence], count: int, turns: int
) -> Costs:
    """`count` sessions beside one that has talked already. Raises SessionError.

    An idle session is connected and hears silence; an active one has had that many `turns`.
    """
    async with AsyncExitStack() as stack:
        await settle(await stack.enter_async_context(contender.call()), sentences, turns)
        alone, stalls, calls = contender.server.private_bytes(), [], []
        for _ in range(count):
            begin = time.monotonic()
            calls.append(await stack.enter_async_context(contender.call()))
            await asyncio.sleep(SETTLE_SECONDS)
            busy = contender.server.busy(begin, time.monotonic())
            stalls.append(max((stretch.stall for stretch in busy), default=0.0))
        idle = contender.server.private_bytes()
        await asyncio.gather(
            *(
                _talk_later(call, sentences, turns, number / count)
                for number, call in enumerate(calls)
            )
        )
        active = contender.server.private_bytes()
    return Costs(per_session(idle, alone, count), per_session(active, alone, count), tuple(stalls))


async def _talk_later(call: Call, sentences: Sequence[Sentence], turns: int, share: float) -> None:
    """Turns, not at the same moment as the others."""
    await asyncio.sleep(share * QUIET_SECONDS)
    for number in range(turns):
        await turn(call, sentences[number % len(sentences)])


@dataclass(frozen=True, slots=True)
class Load:
    """What `sessions` at once came to: milliseconds to first audio, processor use in cores.

    `late` turns had no sound before their speaker spoke again; there are none of `turns` where
    not even as many sessions began. `client_cpu` is what the measuring process itself took.
    """

    sessions: int
    turns: int
    late: int
    first_audio: Spread | None
    cpu: float
    client_cpu: float


async def ramp(
    contender: Contender, sentence: Sentence, sizes: Sequence[int], turns: int, tell: Tell
) -> list[Load]:
    """More and more sessions that all say `sentence` and are silent for three seconds, again and
    again, until too many; see `holds`. `turns` are the fewest of a crowd. Raises SessionError."""
    loads: list[Load] = []
    async with AsyncExitStack() as stack:
        calls: list[Call] = []
        for size in sorted(sizes):
            tell(f"{contender.name}: {size} sessions")
            try:
                while len(calls) < size:
                    calls.append(await stack.enter_async_context(contender.call()))
            except SessionError:
                loads.append(Load(size, 0, 0, None, 0.0, 0.0))
                break
            await asyncio.sleep(SETTLE_SECONDS)
            rounds = max(min(ROUNDS, turns), -(-turns // size))
            loads.append(await _together(contender, calls, sentence, rounds))
            if not holds(loads[-1], loads[0]):
                break
    return loads


def holds(load: Load, alone: Load) -> bool:
    """Whether every turn was answered, nineteen in twenty in twice the time that one needs."""
    if load.first_audio is None or alone.first_audio is None:
        return False
    return not load.late and load.first_audio.p95 <= 2 * alone.first_audio.p95


def carried(loads: Sequence[Load]) -> int:
    """The most sessions that held; 0 where not even the fewest did."""
    return max((load.sessions for load in loads if holds(load, loads[0])), default=0)


async def _together(
    contender: Contender, calls: Sequence[Call], sentence: Sentence, rounds: int
) -> Load:
    begin, cpu, client = time.monotonic(), contender.server.cpu_seconds(), time.process_time()
    period = sentence.seconds + QUIET_SECONDS
    answers = await asyncio.gather(
        *(
            _loop(call, sentence, begin + period * number / len(calls), rounds)
            for number, call in enumerate(calls)
        )
    )
    seconds = time.monotonic() - begin
    after = [answer for loop in answers for answer in loop]
    return Load(
        sessions=len(calls),
        turns=len(after),
        late=after.count(None),
        first_audio=spread(1000 * answer for answer in after if answer is not None),
        cpu=(contender.server.cpu_seconds() - cpu) / seconds,
        client_cpu=(time.process_time() - client) / seconds,
    )


async def _loop(call: Call, sentence: Sentence, due: float, rounds: int) -> list[float | None]:
    """Seconds to the first sound after each utterance; None where it was late."""
    after: list[float | None] = []
    for _ in range(rounds):
        await asyncio.sleep(due - time.monotonic())
        call.arrived.clear()
        due += sentence.seconds + QUIET_SECONDS
        try:
            end = await call.say(sentence.pcm)
            heard = await call.wait_for(audible, since=end, seconds=due - time.monotonic())
            after.append(heard.at - end)
        except SessionError:
            after.append(None)
    return after
