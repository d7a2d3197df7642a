"""Partial transcripts are offered, shown, kept and withdrawn as speech pauses and goes on."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EagerTranscriptionFrame,
    Frame,
    InterimTranscriptionFrame,
)

from appliance.engines import Priority, Ticket, Transcript
from appliance.errors import EngineFailed
from appliance.voice.services.partial_transcripts import PartialTranscripts

NAMES: dict[type[Frame], str] = {
    EagerTranscriptionFrame: "offered",
    InterimTranscriptionFrame: "shown",
    EagerEndOfTurnCancelFrame: "withdrawn",
}


@dataclass
class Speaker:
    """The partial transcripts of a speaker, on an engine that hears what audio spells.

    `sent` lists the frames that went on, `asked` the tickets of the transcriptions.
    """

    sent: list[str] = field(default_factory=list)
    asked: list[Ticket] = field(default_factory=list)
    words_ahead: str = ""
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers.set()
        self.partials = PartialTranscripts(
            self._transcribe, self._push, self._heard_ahead, self._create_task
        )

    async def _transcribe(self, audio: bytes, ticket: Ticket) -> Transcript:
        self.asked.append(ticket)
        await self.answers.wait()
        if audio == b"!":
            raise EngineFailed("broken")
        return Transcript(audio.decode())

    async def _push(self, frame: Frame) -> None:
        text = getattr(frame, "text", "")
        self.sent.append(f"{NAMES[type(frame)]} {text}".strip())

    def _heard_ahead(self, words: str) -> None:
        self.words_ahead = words

    def _create_task(self, work: Coroutine[Any, Any, Any], _name: str) -> "asyncio.Task[Any]":
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    async def settle(self) -> None:
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def pause(self, text: bytes) -> None:
        self.partials.begin_ahead(text, len(text))
        await self.settle()

    async def speak(self, text: bytes) -> None:
        self.partials.begin_interim(text)
        await self.settle()


async def test_the_words_before_a_pause_are_offered() -> None:
    speaker = Speaker()
    await speaker.pause(b"hello")
    assert (speaker.sent, speaker.words_ahead) == (["offered hello"], "hello")
    ahead = speaker.partials.take_ahead()
    assert ahead is not None
    assert ahead.result() == Transcript("hello")


async def test_the_transcription_of_a_pause_becomes_urgent_when_it_is_taken() -> None:
    speaker = Speaker()
    speaker.answers.clear()
    speaker.partials.begin_ahead(b"hello", 5)
    await asyncio.sleep(0)
    priorities = [speaker.asked[0].priority]
    speaker.partials.take_ahead()
    priorities.append(speaker.asked[0].priority)
    assert priorities == [Priority.AHEAD, Priority.NOW]
    speaker.answers.set()
    await speaker.settle()
    assert speaker.sent == ["offered hello"]


@pytest.mark.parametrize("keep", [False, True])
async def test_offered_words_are_withdrawn_when_speech_goes_on(keep: bool) -> None:
    speaker = Speaker()
    await speaker.pause(b"turn on")
    speaker.partials.resume(keep=keep)
    await speaker.settle()
    shown = ["shown turn on"] if keep else []
    assert speaker.sent == ["offered turn on", "withdrawn", *shown]
    assert (speaker.words_ahead, speaker.partials.is_ahead) == ("", False)


async def test_an_unfinished_transcription_is_given_up_when_speech_goes_on() -> None:
    speaker = Speaker()
    speaker.answers.clear()
    speaker.partials.begin_ahead(b"turn on", 7)
    await asyncio.sleep(0)
    speaker.partials.resume(keep=False)
    await speaker.settle()
    assert speaker.tasks[0].cancelled()
    assert speaker.sent == []


async def test_an_unfinished_transcription_that_is_kept_is_shown_and_waits_for_others() -> None:
    speaker = Speaker()
    speaker.answers.clear()
    speaker.partials.begin_ahead(b"turn on", 7)
    await asyncio.sleep(0)
    speaker.partials.resume(keep=True)
    assert speaker.asked[0].priority is Priority.LATER
    assert (speaker.partials.is_interim, speaker.partials.interim_length) == (True, 7)
    speaker.answers.set()
    await speaker.settle()
    assert speaker.sent == ["shown turn on"]


@pytest.mark.parametrize("done", [True, False])
async def test_an_interim_transcript_of_all_that_was_said_is_that_of_the_pause(done: bool) -> None:
    speaker = Speaker()
    if not done:
        speaker.answers.clear()
    speaker.partials.begin_interim(b"stop")
    if done:
        await speaker.settle()
    assert speaker.partials.adopt(4)
    speaker.answers.set()
    await speaker.settle()
    assert speaker.sent == [*(["shown stop"] if done else []), "offered stop"]
    assert (len(speaker.asked), speaker.words_ahead) == (1, "stop"), "nothing is heard twice"


async def test_an_interim_transcript_of_less_is_not_that_of_the_pause() -> None:
    speaker = Speaker()
    assert not speaker.partials.adopt(0)
    await speaker.speak(b"stop")
    assert not speaker.partials.adopt(5)


@pytest.mark.parametrize("heard", [b"!", b""])
async def test_an_interim_transcription_without_words_is_not_that_of_the_pause(
    heard: bytes,
) -> None:
    speaker = Speaker()
    await speaker.speak(heard)
    assert not speaker.partials.adopt(len(heard))


async def test_words_that_stay_the_same_are_offered_before_there_is_a_pause() -> None:
    speaker = Speaker()
    for _ in range(3):
        await speaker.speak(b"hello there")
    shown, offered = "shown hello there", "offered hello there"
    assert speaker.sent == [shown, shown, offered, shown]
    await speaker.pause(b"hello there")
    assert speaker.sent[4:] == [offered], "what was not worth an answer then may be now"


async def test_an_adopted_transcript_is_not_offered_where_speech_goes_on_at_once() -> None:
    speaker = Speaker()
    await speaker.speak(b"turn on")
    assert speaker.partials.adopt(7)
    speaker.partials.resume(keep=False)
    await speaker.settle()
    assert (speaker.sent, speaker.words_ahead) == (["shown turn on"], "")


async def test_stable_words_are_withdrawn_when_more_is_said() -> None:
    speaker = Speaker()
    for text in b"set", b"set", b"set a timer":
        await speaker.speak(text)
    assert speaker.sent[1:] == ["shown set", "offered set", "shown set a timer", "withdrawn"]


async def test_a_failed_transcription_is_returned() -> None:
    speaker = Speaker()
    await speaker.pause(b"!")
    ahead = speaker.partials.take_ahead()
    assert ahead is not None
    assert isinstance(ahead.result(), EngineFailed)
    assert speaker.sent == []


async def test_a_late_transcription_is_not_offered_for_the_next_utterance() -> None:
    speaker = Speaker()
    speaker.answers.clear()
    speaker.partials.begin_ahead(b"hello", 5)
    ahead = speaker.partials.take_ahead()
    speaker.partials.reset()
    speaker.answers.set()
    await speaker.settle()
    assert ahead is not None
    assert ahead.result() == Transcript("hello")
    assert (speaker.sent, speaker.words_ahead) == ([], "")
