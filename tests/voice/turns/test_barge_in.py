"""A cough does not stop an answer; whoever wants the word gets it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from appliance.voice.turns.barge_in import (
    CONFIRM_SECONDS,
    UNDECIDED_SECONDS,
    BargeIn,
    BargeInTurnStart,
    is_meant,
)

ANSWER = "The capital of France is Paris, and it lies on the river Seine."
PACKET = 0.02
UNANSWERABLE = "any chance"


@pytest.mark.parametrize(
    ("text", "answer", "language", "meant"),
    [
        ("", ANSWER, "en", False),
        ("Mm-hm.", ANSWER, "en", False),
        ("Uh-huh, uh-huh.", ANSWER, "en", False),
        ("Yeah, okay.", ANSWER, "en", False),
        ("Oh, I see!", ANSWER, "en", False),
        ("Stop.", ANSWER, "en", True),
        ("Okay, stop.", ANSWER, "en", True),
        ("What about London?", ANSWER, "en", True),
        ("Yes.", "Shall I delete the conversation?", "en", True),
        ("Mm-hm.", "Shall I delete the conversation?", "en", False),
        ("The capital of France", ANSWER, "en", False),
        ("capital of France is Harris and it lies", ANSWER, "en", False),
        ("France", ANSWER, "en", True),
        ("Is it the capital of France?", ANSWER, "en", True),
        ("Ja, genau.", ANSWER, "de", False),
        ("Ja, genau.", ANSWER, "en", True),
        ("Alles klar.", ANSWER, "de-DE", False),
        ("D'accord, merci.", ANSWER, "fr", False),
        ("Ah bon ?", ANSWER, "fr", False),
    ],
)
def test_what_is_meant(text: str, answer: str, language: str, meant: bool) -> None:
    assert is_meant(text, answer, language) is meant


@given(st.text(max_size=40), st.text(max_size=80))
def test_any_text_is_judged(text: str, answer: str) -> None:
    assert is_meant(text, answer, "en") in (True, False)


@dataclass
class Loudspeaker:
    playing: bool = True
    did: list[str] = field(default_factory=list)

    def hold(self) -> None:
        self.did.append("hold")

    def resume(self) -> None:
        self.did.append("resume")


@dataclass
class Room:
    """Somebody who speaks while an answer is played, and what becomes of it."""

    loudspeaker: Loudspeaker = field(default_factory=Loudspeaker)
    turns: int = 0
    language: str = "en"
    dismissed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.barge_in = BargeIn(
            self.loudspeaker,
            lambda: ANSWER,
            lambda: self.language,
            lambda text: text != UNANSWERABLE,
            self.dismissed.append,
        )
        self.start = BargeInTurnStart(self.barge_in)
        self.start.add_event_handler("on_user_turn_started", self._began)

    async def _began(self, *_: object) -> None:
        self.turns += 1

    async def speak(self, seconds: float) -> None:
        await self.start.process_frame(VADUserStartedSpeakingFrame(start_secs=0.1))
        await self._hear(seconds)

    async def fall_silent(self, seconds: float = 0.0) -> None:
        await self.start.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await self._hear(seconds)

    async def _hear(self, seconds: float) -> None:
        audio: Any = InputAudioRawFrame(bytes(640), sample_rate=16_000, num_channels=1)
        for _ in range(round(seconds / PACKET)):
            await self.start.process_frame(audio)

    async def understood(self, text: str, *, final: bool = True) -> None:
        if not final:
            await self.start.process_frame(EagerTranscriptionFrame(text, "", ""))
        elif not self.barge_in.dismisses(text):
            await self.start.process_frame(TranscriptionFrame(text, "", ""))


async def test_speech_into_silence_is_a_turn_at_once() -> None:
    room = Room(Loudspeaker(playing=False))
    await room.speak(PACKET)
    assert (room.turns, room.loudspeaker.did) == (1, [])


@pytest.mark.parametrize("text", ["", "mm-hm", "yeah", UNANSWERABLE])
async def test_a_murmur_holds_the_answer_for_a_moment(text: str) -> None:
    room = Room()
    await room.speak(CONFIRM_SECONDS - 2 * PACKET)
    await room.fall_silent()
    await room.understood(text)
    assert (room.turns, room.loudspeaker.did) == (0, ["hold", "resume"])
    assert room.dismissed == [text]


async def test_assent_is_that_of_the_language_spoken_now() -> None:
    room = Room()
    for room.language, turns in (("en", 1), ("de", 1)):
        await room.speak(0.2)
        await room.fall_silent()
        await room.understood("Ja, genau.")
        assert room.turns == turns
    assert room.dismissed == ["Ja, genau."]


async def test_words_interrupt_when_they_are_understood() -> None:
    room = Room()
    await room.speak(0.2)
    await room.understood("stop", final=False)
    assert (room.turns, room.loudspeaker.did) == (1, ["hold"])


async def test_the_final_words_count_where_the_first_guess_was_a_murmur() -> None:
    room = Room()
    await room.speak(0.2)
    await room.understood("yeah", final=False)
    assert room.turns == 0
    await room.fall_silent()
    await room.understood("yeah but why")
    assert (room.turns, room.loudspeaker.did) == (1, ["hold"])


async def test_who_goes_on_speaking_interrupts() -> None:
    room = Room()
    await room.speak(CONFIRM_SECONDS)
    assert room.turns == 1
    await room.fall_silent()
    await room.understood("yeah")
    assert room.loudspeaker.did == ["hold"]


async def test_an_answer_that_nobody_has_heard_yet_is_held_too() -> None:
    room = Room(Loudspeaker(playing=False))
    room.barge_in.expect_answer(True)
    await room.speak(0.2)
    assert (room.turns, room.loudspeaker.did) == (0, ["hold"])
    room.barge_in.expect_answer(False)
    await room.fall_silent()
    await room.understood("")
    assert room.loudspeaker.did == ["hold", "resume"]


async def test_a_murmur_before_more_speech_does_not_let_the_answer_go_on() -> None:
    room = Room()
    await room.speak(0.2)
    await room.fall_silent()
    await room.speak(0.2)
    await room.understood("mm")
    assert room.loudspeaker.did == ["hold", "hold"]
    await room.fall_silent()
    await room.understood("wait")
    assert room.turns == 1


async def test_an_engine_that_says_nothing_does_not_hold_the_answer_for_ever() -> None:
    room = Room()
    await room.speak(0.2)
    await room.fall_silent(UNDECIDED_SECONDS)
    assert (room.turns, room.loudspeaker.did) == (0, ["hold", "resume"])
