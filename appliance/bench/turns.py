"""Runs whole turns as a client, in one session or many at once, and measures each stage."""

import asyncio
import contextlib
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from appliance import wire
from appliance.bench.machine import gpu_memory_used
from appliance.bench.process import DaemonProcess
from appliance.bench.recordings import Recording
from appliance.client import Arrival, Call, calling
from appliance.errors import SessionError

T = TypeVar("T")

# Each stage ends with the arrival of a message; the last one with that of sound.
STAGES = {
    "transcript": "user-transcription",
    "first_token": "bot-llm-text",
    "first_audio": "audio",
}
ANSWER_SECONDS = 20.0  # to first audio; a slower turn counts as unanswered
SPEAKING_SECONDS = 90.0  # the length of a whole answer
PAUSE_SECONDS = (1.0, 3.0)  # between an answer and a person's next sentence
FIRST_PAUSE_SECONDS = (0.0, 5.0)  # people do not all begin at once
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class MeasuredTurn:
    """One turn.

    `after` holds the seconds from the end of speech to each stage that came, `longest_hole` the
    longest silence within the answer that its audio does not contain, in seconds.
    """

    sentence: str
    heard: str
    after: dict[str, float]
    longest_hole: float = 0.0

    @property
    def answered(self) -> bool:
        return "first_audio" in self.after

    @property
    def understood(self) -> bool:
        return self.heard == self.sentence


@dataclass(frozen=True, slots=True)
class LoadRun:
    """The measurements of a run of `sessions` concurrent sessions.

    `resident` is the daemon's highest resident memory while all sessions were open, in bytes.
    `gpu` is the memory in use on graphics cards by any process, None where no card reports it.
    `load` is the machine's load average over a minute, when the run began.
    """

    sessions: int
    turns: tuple[MeasuredTurn, ...]
    conversations: tuple[str, ...]
    seconds: float
    cpu_seconds: float
    resident: int
    load: float
    gpu: int | None = None


async def run_sessions(
    daemon: DaemonProcess,
    recordings: Sequence[Recording],
    sessions: int,
    turns: int,
    progress: Callable[[str], None],
) -> LoadRun:
    """Opens `sessions` sessions that run `turns` turns each in real time, with human pauses.

    The pauses come from fixed seeds, so every run has the same ones.
    """
    load, begin, cpu = os.getloadavg()[0], time.monotonic(), daemon.cpu_seconds()
    done: list[MeasuredTurn] = []

    def finished(turn: MeasuredTurn) -> None:
        done.append(turn)
        progress(f"{len(done)}/{sessions * turns}")

    async with AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(calling(daemon.base_url)) for _ in range(sessions)]
        # All stay open until the last is done, so that the memory is that of all of them.
        resident, _ = await _max_resident(
            daemon,
            asyncio.gather(
                *(
                    _converse(
                        *(call, _rotated(recordings, number), turns),
                        *(random.Random(number), finished),
                    )
                    for number, call in enumerate(calls)
                )
            ),
        )
        seconds, cpu = time.monotonic() - begin, daemon.cpu_seconds() - cpu
        gpu = await asyncio.to_thread(gpu_memory_used)
    conversations = tuple(call.conversation_id for call in calls)
    return LoadRun(sessions, tuple(done), conversations, seconds, cpu, resident, load, gpu)


async def _max_resident(daemon: DaemonProcess, work: asyncio.Future[T]) -> tuple[int, T]:
    """The daemon's highest resident memory until `work` was done, and the result of `work`."""
    highest = daemon.resident_bytes()
    while not work.done():
        await asyncio.wait({work}, timeout=SAMPLE_SECONDS)
        highest = max(highest, daemon.resident_bytes())
    return highest, await work


def _rotated(recordings: Sequence[Recording], by: int) -> list[Recording]:
    """The same recordings from another one on, so that sessions say different things at once."""
    start = by % len(recordings)
    return [*recordings[start:], *recordings[:start]]


async def _converse(
    call: Call,
    recordings: Sequence[Recording],
    turns: int,
    chance: random.Random,
    finished: Callable[[MeasuredTurn], None],
) -> None:
    await asyncio.sleep(chance.uniform(*FIRST_PAUSE_SECONDS))
    for number in range(turns):
        finished(await run_turn(call, recordings[number % len(recordings)]))
        await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))


async def run_turn(call: Call, recording: Recording) -> MeasuredTurn:
    """Says one sentence and waits until the answer is spoken.

    A turn whose session ends is unanswered.
    """
    end = await speak(call, recording)
    await wait_until_spoken(call, end)
    return measure_turn(recording.text, call.arrived, end)


async def speak(call: Call, recording: Recording) -> float:
    """Says one sentence and waits for the first sound of the answer, ANSWER_SECONDS at most.

    Returns the end of speech, in seconds of the monotonic clock.
    """
    call.arrived.clear()
    end = await call.say(recording.pcm)
    with contextlib.suppress(SessionError):  # the measured turn shows that no answer came
        await call.wait_for(is_audible, since=end, seconds=ANSWER_SECONDS)
    return end


async def wait_until_spoken(call: Call, end: float) -> None:
    """Waits for the end of the answer to the speech that ended at `end`, if there is one."""
    if any(arrival.at >= end and is_audible(arrival) for arrival in call.arrived):
        with contextlib.suppress(SessionError):
            await call.wait_for(
                lambda a: a.kind == "bot-stopped-speaking", since=end, seconds=SPEAKING_SECONDS
            )


def is_audible(arrival: Arrival) -> bool:
    """Whether this is audio that is not all silence."""
    return isinstance(arrival.frame, wire.Audio) and any(arrival.frame.pcm)


def measure_turn(sentence: str, arrived: Sequence[Arrival], end: float) -> MeasuredTurn:
    """The turn whose speech ended at `end`, from everything that arrived. Pure."""
    after: dict[str, float] = {}
    for stage, kind in STAGES.items():
        since = (a for a in arrived if a.at >= end and a.kind == kind)
        times = (a.at - end for a in since if kind != "audio" or is_audible(a))
        if (first := next(times, None)) is not None:
            after[stage] = first
    finals = (a.data for a in arrived if a.kind == STAGES["transcript"])
    heard = " ".join(str(data.get("text", "")).strip() for data in finals if data.get("final"))
    hole = longest_hole([a for a in arrived if a.at >= end])
    return MeasuredTurn(sentence, _without_punctuation(heard), after, hole)


def longest_hole(arrived: Sequence[Arrival]) -> float:
    """The longest time in seconds for which a client that plays at once runs out of audio. Pure.

    Its clock starts with the first audio that is not silent. Silence that the audio contains is
    played like any other; an interruption discards what has not been played.
    """
    longest, playing_until = 0.0, 0.0
    for arrival in arrived:
        if arrival.kind == "interruption":
            playing_until = 0.0
        elif isinstance(arrival.frame, wire.Audio) and (playing_until or is_audible(arrival)):
            if playing_until:
                longest = max(longest, arrival.at - playing_until)
            seconds = len(arrival.frame.pcm) / 2 / arrival.frame.sample_rate
            playing_until = max(playing_until, arrival.at) + seconds
    return longest


def _without_punctuation(text: str) -> str:
    """Lower-case words alone: engines differ in case and punctuation."""
    return " ".join(re.findall(r"[\w']+", text.lower()))
