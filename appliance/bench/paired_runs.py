"""The same turns and interruptions with two contenders, by turns, in the same minutes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from appliance.bench.recordings import Sentence
from appliance.bench.turns import MeasuredTurn, ask, audible, hear_out, measured
from appliance.client import Arrived, Call

GAP_SECONDS = 0.3  # between the end of an answer and the next question
INTO_ANSWER_SECONDS = 0.8  # when somebody interrupts it
STILL_SPEAKING_SECONDS = 0.3  # who was heard this long before was speaking, or took breath

Finished = Callable[[str], None]


async def turns(
    calls: Mapping[str, Call],
    sentences: Sequence[Sentence],
    count: int,
    finished: Finished,
    *,
    overlap: bool,
) -> dict[str, list[MeasuredTurn]]:
    """`count` turns of each, alternately: never do two of them work at the same moment.

    With `overlap` one asks while the answer of the other is still being played, which takes next
    to nothing of a processor; without, an answer is heard out first, because it may still be
    synthesised while it plays. Raises SessionError when a session ends.
    """
    done: dict[str, list[MeasuredTurn]] = {name: [] for name in calls}
    playing: dict[str, asyncio.Task[None]] = {}

    async def play(name: str, sentence: Sentence, end: float) -> None:
        await hear_out(calls[name], end)
        done[name].append(measured(sentence.text, calls[name].arrived, end))
        await asyncio.sleep(GAP_SECONDS)

    for number in range(count):
        sentence = sentences[number % len(sentences)]
        for name, call in calls.items():
            if name in playing:
                await playing[name]
            end = await ask(call, sentence)
            playing[name] = asyncio.create_task(play(name, sentence, end))
            if not overlap:
                await playing[name]
        finished(f"turn {number + 1}/{count}")
    await asyncio.gather(*playing.values())
    return done


async def interruptions(
    calls: Mapping[str, Call], sentences: Sequence[Sentence], count: int, finished: Finished
) -> dict[str, list[float]]:
    """Seconds from the onset of speech into an answer to the last sound of that answer.

    Every question interrupts the answer to the one before. One that found nobody speaking does
    not count. Raises SessionError when a session ends.
    """
    done: dict[str, list[float]] = {}
    for name, call in calls.items():
        done[name] = []
        await ask(call, sentences[0])
        for number in range(1, count + 1):
            await asyncio.sleep(INTO_ANSWER_SECONDS)
            before = list(call.arrived)
            end = await ask(call, sentences[number % len(sentences)])
            after = stopped([*before, *call.arrived], call.speech_began, end)
            done[name] += [after] if after is not None else []
            finished(f"{name}: interruption {number}/{count}")
        await hear_out(call, end)
    return done


def stopped(arrived: Sequence[Arrived], onset: float, end: float) -> float | None:
    """Seconds from `onset` to the last sound before `end`; 0 where none came after it. Pure.

    None where nothing had been heard just before: nobody was interrupted.
    """
    heard = [a.at for a in arrived if a.at < end and audible(a)]
    if not any(onset - STILL_SPEAKING_SECONDS <= at <= onset for at in heard):
        return None
    return max(0.0, max(heard) - onset)


async def settle(call: Call, sentences: Sequence[Sentence], count: int) -> None:
    """Turns that do not count, answered or not: the first use of everything."""
    for number in range(count):
        end = await ask(call, sentences[number % len(sentences)])
        await hear_out(call, end)
