"""Back-channel does not stop an answer; an interruption does."""

import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from appliance.voice.turns.barge_in import (
    CONFIRM_SECONDS,
    HUM_SECONDS,
    UNDECIDED_SECONDS,
    BargeIn,
    BargeInTurnStart,
    is_meant,
)

ANSWER = "The capital of France is Paris, and it lies on the river Seine."
PACKET = 0.02
FIXTURES = Path(__file__).parents[2] / "fixtures" / "hearing"
UNANSWERABLE = "any chance"


@pytest.mark.parametrize(
    ("text", "answer", "language", "meant"),
    [
        ("", ANSWER, "en", False),
        ("Mm-hm.", ANSWER, "en", False),
        ("Uh-huh, uh-huh.", ANSWER, "en", False),
        ("Mmm, mm, mm.", ANSWER, "en", False),
        ("Mm-hmm. Mhmm. Hmmm.", ANSWER, "en", False),
        ("NMHMM", ANSWER, "en", False),
        ("Uh-uh, ahh, ooh, hahaha.", ANSWER, "en", False),
        ("Mum!", ANSWER, "en", True),
        ("Home.", ANSWER, "en", True),
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
def test_back_channel_and_echo_are_not_meant_for_the_assistant(
    text: str, answer: str, language: str, meant: bool
) -> None:
    assert is_meant(text, answer, language) is meant


@given(st.text(max_size=40), st.text(max_size=80))
def test_any_text_can_be_judged(text: str, answer: str) -> None:
    assert is_meant(text, answer, "en") in (True, False)


@dataclass
class FakePlayback:
    """Lists the calls."""

    playing: bool = True
    calls: list[str] = field(default_factory=list)

    def hold(self) -> None:
        self.calls.append("hold")

    def resume(self) -> None:
        self.calls.append("resume")


@dataclass
class Scene:
    """A user who speaks while an answer is played; counts the turns, lists dismissed words."""

    playback: FakePlayback = field(default_factory=FakePlayback)
    turns: int = 0
    language: str = "en"
    dismissed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.barge_in = BargeIn(
            self.playback,
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
        await self.hear(bytes(640) * round(seconds / PACKET))

    async def hear(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), 640):
            packet = pcm[start : start + 640]
            audio: Any = InputAudioRawFrame(packet, sample_rate=16_000, num_channels=1)
            await self.start.process_frame(audio)

    async def transcribed(self, text: str, *, final: bool = True) -> None:
        if not final:
            await self.start.process_frame(EagerTranscriptionFrame(text, "", ""))
        elif not self.barge_in.dismisses(text):
            await self.start.process_frame(TranscriptionFrame(text, "", ""))


async def test_speech_without_an_answer_begins_a_turn_at_once() -> None:
    scene = Scene(FakePlayback(playing=False))
    await scene.speak(PACKET)
    assert (scene.turns, scene.playback.calls) == (1, [])


@pytest.mark.parametrize("text", ["", "mm-hm", "yeah", UNANSWERABLE])
async def test_a_murmur_only_holds_the_answer_for_a_moment(text: str) -> None:
    scene = Scene()
    await scene.speak(CONFIRM_SECONDS - 2 * PACKET)
    await scene.fall_silent()
    await scene.transcribed(text)
    assert (scene.turns, scene.playback.calls) == (0, ["hold", "resume"])
    assert scene.dismissed == [text]


async def test_assent_is_that_of_the_language_of_the_moment() -> None:
    scene = Scene()
    for scene.language, turns in (("en", 1), ("de", 1)):
        await scene.speak(0.2)
        await scene.fall_silent()
        await scene.transcribed("Ja, genau.")
        assert scene.turns == turns
    assert scene.dismissed == ["Ja, genau."]


async def test_words_interrupt_as_soon_as_they_are_heard_ahead() -> None:
    scene = Scene()
    await scene.speak(0.2)
    await scene.transcribed("stop", final=False)
    assert (scene.turns, scene.playback.calls) == (1, ["hold"])


async def test_final_words_interrupt_where_those_heard_ahead_were_a_murmur() -> None:
    scene = Scene()
    await scene.speak(0.2)
    await scene.transcribed("yeah", final=False)
    assert scene.turns == 0
    await scene.fall_silent()
    await scene.transcribed("yeah but why")
    assert (scene.turns, scene.playback.calls) == (1, ["hold"])


async def test_speech_that_lasts_interrupts() -> None:
    scene = Scene()
    await scene.speak(CONFIRM_SECONDS)
    assert scene.turns == 1
    await scene.fall_silent()
    await scene.transcribed("yeah")
    assert scene.playback.calls == ["hold"]


async def test_an_expected_answer_is_held_before_it_is_heard() -> None:
    scene = Scene(FakePlayback(playing=False))
    scene.barge_in.expect_answer(True)
    await scene.speak(0.2)
    assert (scene.turns, scene.playback.calls) == (0, ["hold"])
    scene.barge_in.expect_answer(False)
    await scene.fall_silent()
    await scene.transcribed("")
    assert scene.playback.calls == ["hold", "resume"]


async def test_a_dismissed_murmur_does_not_resume_the_answer_while_the_user_speaks() -> None:
    scene = Scene()
    await scene.speak(0.2)
    await scene.fall_silent()
    await scene.speak(0.2)
    await scene.transcribed("mm")
    assert scene.playback.calls == ["hold", "hold"]
    await scene.fall_silent()
    await scene.transcribed("wait")
    assert scene.turns == 1


async def test_an_answer_resumes_if_no_transcript_comes() -> None:
    scene = Scene()
    await scene.speak(0.2)
    await scene.fall_silent(UNDECIDED_SECONDS)
    assert (scene.turns, scene.playback.calls) == (0, ["hold", "resume"])


def _hum(seconds: float) -> bytes:
    """A voice with closed lips: overtones that fall off steeply."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    overtones = np.arange(1, 20)[:, np.newaxis]
    tones = (np.sin(2 * np.pi * 110 * overtones * time) / overtones**3).sum(axis=0)
    return bytes((6000 * tones).astype("<i2"))


@pytest.mark.parametrize("text", ["Mmm, mm, mm.", "Mm-hmm."])
async def test_a_long_hum_does_not_interrupt(text: str) -> None:
    scene = Scene()
    await scene.speak(PACKET)
    await scene.hear(_hum(HUM_SECONDS - 0.2))
    await scene.fall_silent()
    await scene.transcribed(text)
    assert (scene.turns, scene.playback.calls) == (0, ["hold", "resume"])
    assert scene.dismissed == [text]


async def test_a_recorded_murmur_of_one_and_a_half_seconds_does_not_interrupt() -> None:
    scene = Scene()
    await scene.speak(PACKET)
    await scene.hear(_recorded("x_mmhm"))
    assert (scene.turns, scene.playback.calls) == (0, ["hold"])


async def test_words_behind_what_sounds_like_a_hum_interrupt() -> None:
    scene = Scene()
    await scene.speak(PACKET)
    await scene.hear(_hum(CONFIRM_SECONDS))
    await scene.start.process_frame(InterimTranscriptionFrame("No, no,", "", ""))
    assert scene.turns == 1


async def test_a_hum_without_end_interrupts() -> None:
    scene = Scene()
    await scene.speak(PACKET)
    await scene.hear(_hum(HUM_SECONDS))
    assert scene.turns == 1


@pytest.mark.parametrize("name", ["u04", "u23", "u27", "u35", "u41", "u49", "x_stop6"])
async def test_recorded_speech_that_lasts_interrupts(name: str) -> None:
    scene = Scene()
    await scene.speak(PACKET)
    await scene.hear(_recorded(name)[: round(32_000 * 1.2)])
    assert scene.turns == 1


async def test_an_interim_transcript_alone_interrupts_nobody() -> None:
    scene = Scene()
    await scene.speak(0.2)
    await scene.start.process_frame(InterimTranscriptionFrame("I", "", ""))
    assert scene.turns == 0


def _recorded(name: str) -> bytes:
    with wave.open(str(FIXTURES / f"{name}.wav")) as file:
        return bytes(file.readframes(file.getnframes()))
