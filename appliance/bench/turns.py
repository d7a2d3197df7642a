"""Whole turns as a client lives them, one session or many at once."""

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
from appliance.bench.machine import gpu_used
from appliance.bench.process import DaemonProcess
from appliance.bench.recordings import Sentence
from appliance.client import Arrived, Call, calling
from appliance.errors import SessionError

T = TypeVar("T")

# Each stage ends with the arrival of a message; the last one with that of sound.
STAGES = {
    "transcript": "user-transcription",
    "first_token": "bot-llm-text",
    "first_audio": "audio",
}
ANSWER_SECONDS = 20.0  # to first audio; a turn that takes longer was not answered
SPEAKING_SECONDS = 90.0  # an answer's whole length
PAUSE_SECONDS = (1.0, 3.0)  # before a person who has heard an answer says the next thing
FIRST_PAUSE_SECONDS = (0.0, 5.0)  # people do not come all at once
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class MeasuredTurn:
    """One utterance: `after` is seconds from the end of speech to each stage that came."""

    sentence: str
    heard: str
    after: dict[str, float]

    @property
    def answered(self) -> bool:
        return "first_audio" in self.after

    @property
    def understood(self) -> bool:
        return self.heard == self.sentence


@dataclass(frozen=True, slots=True)
class Crowd:
    """What was measured while `sessions` clients talked, each in a conversation of its own.

    `resident` is the most memory that the daemon held while all were connected, in bytes;
    `gpu` what graphics cards held of anybody's (None: there are none that tell); `load` is that of
    the whole machine when it began, over a minute.
    """

    sessions: int
    turns: tuple[MeasuredTurn, ...]
    conversations: tuple[str, ...]
    seconds: float
    cpu_seconds: float
    resident: int
    load: float
    gpu: int | None = None


async def crowd(
    daemon: DaemonProcess,
    sentences: Sequence[Sentence],
    sessions: int,
    turns: int,
    tell: Callable[[str], None],
) -> Crowd:
    """Lets `sessions` clients talk for `turns` turns each, in real time, with human pauses.

    Pauses are drawn from fixed seeds, so that every run has the same ones.
    """
    load, begin, cpu = os.getloadavg()[0], time.monotonic(), daemon.cpu_seconds()
    done: list[MeasuredTurn] = []

    def finished(turn: MeasuredTurn) -> None:
        done.append(turn)
        tell(f"{len(done)}/{sessions * turns}")

    async with AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(calling(daemon.base_url)) for _ in range(sessions)]
        # All stay connected until the last is done, so that the memory is that of all of them.
        resident, _ = await _most_memory(
            daemon,
            asyncio.gather(
                *(
                    _speak(
                        call, _rotated(sentences, number), turns, random.Random(number), finished
                    )
                    for number, call in enumerate(calls)
                )
            ),
        )
        seconds, cpu = time.monotonic() - begin, daemon.cpu_seconds() - cpu
        gpu = await asyncio.to_thread(gpu_used)
    conversations = tuple(call.conversation_id for call in calls)
    return Crowd(sessions, tuple(done), conversations, seconds, cpu, resident, load, gpu)


async def _most_memory(daemon: DaemonProcess, speaking: asyncio.Future[T]) -> tuple[int, T]:
    """The most that the daemon held resident until `speaking` was done, and its result."""
    most = daemon.resident_bytes()
    while not speaking.done():
        await asyncio.wait({speaking}, timeout=SAMPLE_SECONDS)
        most = max(most, daemon.resident_bytes())
    return most, await speaking


def _rotated(sentences: Sequence[Sentence], by: int) -> list[Sentence]:
    """The same sentences from another one on: not everybody says the same at once."""
    start = by % len(sentences)
    return [*sentences[start:], *sentences[:start]]


async def _speak(
    call: Call,
    sentences: Sequence[Sentence],
    turns: int,
    chance: random.Random,
    finished: Callable[[MeasuredTurn], None],
) -> None:
    await asyncio.sleep(chance.uniform(*FIRST_PAUSE_SECONDS))
    for number in range(turns):
        finished(await turn(call, sentences[number % len(sentences)]))
        await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))


async def turn(call: Call, sentence: Sentence) -> MeasuredTurn:
    """Says one sentence and hears the answer out. A session that ended leaves it unanswered."""
    end = await ask(call, sentence)
    await hear_out(call, end)
    return measured(sentence.text, call.arrived, end)


async def ask(call: Call, sentence: Sentence) -> float:
    """Says one sentence and waits until an answer is heard, or none will be; its end of speech."""
    call.arrived.clear()
    end = await call.say(sentence.pcm)
    with contextlib.suppress(SessionError):  # what came, or did not, stands in the turn
        await call.wait_for(audible, since=end, seconds=ANSWER_SECONDS)
    return end


async def hear_out(call: Call, end: float) -> None:
    """Waits until the answer to what ended then was spoken, if there is any."""
    if any(arrival.at >= end and audible(arrival) for arrival in call.arrived):
        with contextlib.suppress(SessionError):
            await call.wait_for(
                lambda a: a.kind == "bot-stopped-speaking", since=end, seconds=SPEAKING_SECONDS
            )


def audible(arrival: Arrived) -> bool:
    """Whether it is sound: audio that is not all silence."""
    return isinstance(arrival.frame, wire.Audio) and any(arrival.frame.pcm)


def measured(sentence: str, arrived: Sequence[Arrived], end: float) -> MeasuredTurn:
    """The turn that these arrivals make, `end` being when its speech ended. Pure."""
    after: dict[str, float] = {}
    for stage, kind in STAGES.items():
        since = (a for a in arrived if a.at >= end and a.kind == kind)
        times = (a.at - end for a in since if kind != "audio" or audible(a))
        if (first := next(times, None)) is not None:
            after[stage] = first
    finals = (a.data for a in arrived if a.kind == STAGES["transcript"])
    heard = " ".join(str(data.get("text", "")).strip() for data in finals if data.get("final"))
    return MeasuredTurn(sentence, _words(heard), after)


def _words(text: str) -> str:
    """Letters, digits and apostrophes alone: engines differ in case and punctuation."""
    return " ".join(re.findall(r"[\w']+", text.lower()))
