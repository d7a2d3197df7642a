"""Runs the same turns and interruptions with several contenders, alternating between them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from appliance.bench.recordings import Recording
from appliance.bench.turns import MeasuredTurn, is_audible, measure_turn, speak, wait_until_spoken
from appliance.client import Arrival, Call

GAP_SECONDS = 0.3  # between the end of an answer and the next question
INTO_ANSWER_SECONDS = 0.8  # from the first sound of an answer to its interruption
STILL_SPEAKING_SECONDS = 0.3  # since the last sound; a voice also takes breath

Progress = Callable[[str], None]


async def run_turns(
    calls: Mapping[str, Call],
    recordings: Sequence[Recording],
    count: int,
    progress: Progress,
    *,
    overlap: bool,
) -> dict[str, list[MeasuredTurn]]:
    """Runs `count` turns with each; no two contenders compute at the same moment.

    With `overlap`, a turn begins while the answer of the previous contender still plays, which
    takes next to no processor time. Without, that answer is awaited first, because it may still
    be synthesized while it plays. Raises SessionError when a session ends.
    """
    done: dict[str, list[MeasuredTurn]] = {name: [] for name in calls}
    playing: dict[str, asyncio.Task[None]] = {}

    async def play(name: str, recording: Recording, end: float) -> None:
        await wait_until_spoken(calls[name], end)
        done[name].append(measure_turn(recording.text, calls[name].arrived, end))
        await asyncio.sleep(GAP_SECONDS)

    for number in range(count):
        recording = recordings[number % len(recordings)]
        for name, call in calls.items():
            if name in playing:
                await playing[name]
            end = await speak(call, recording)
            playing[name] = asyncio.create_task(play(name, recording, end))
            if not overlap:
                await playing[name]
        progress(f"turn {number + 1}/{count}")
    await asyncio.gather(*playing.values())
    return done


async def run_interruptions(
    calls: Mapping[str, Call], recordings: Sequence[Recording], count: int, progress: Progress
) -> dict[str, list[float]]:
    """Interrupts answers; the seconds from the onset of speech to an answer's last sound.

    Every question interrupts the answer to the previous one. A question that met silence does not
    count. Raises SessionError when a session ends.
    """
    done: dict[str, list[float]] = {}
    for name, call in calls.items():
        done[name] = []
        await speak(call, recordings[0])
        for number in range(1, count + 1):
            await asyncio.sleep(INTO_ANSWER_SECONDS)
            before = list(call.arrived)
            end = await speak(call, recordings[number % len(recordings)])
            after = seconds_to_silence([*before, *call.arrived], call.speech_began, end)
            done[name] += [after] if after is not None else []
            progress(f"{name}: interruption {number}/{count}")
        await wait_until_spoken(call, end)
    return done


def seconds_to_silence(arrived: Sequence[Arrival], onset: float, end: float) -> float | None:
    """Seconds from `onset` to the last sound before `end`; 0 where none came after it. Pure.

    None where no sound had come just before `onset`, so that there was nothing to interrupt.
    """
    heard = [a.at for a in arrived if a.at < end and is_audible(a)]
    if not any(onset - STILL_SPEAKING_SECONDS <= at <= onset for at in heard):
        return None
    return max(0.0, max(heard) - onset)


async def warm_up(call: Call, recordings: Sequence[Recording], count: int) -> None:
    """Runs turns that do not count, answered or not, so that everything was used once."""
    for number in range(count):
        end = await speak(call, recordings[number % len(recordings)])
        await wait_until_spoken(call, end)
