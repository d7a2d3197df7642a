"""Barge-in: decides whether speech over an answer interrupts it.

speech begins while an answer is expected or playing ─► the answer is held: silence within a window
    ─► speech lasts (CONFIRM_SECONDS), or its words are meant for the assistant: an interruption
    ─► a cough, "mm-hm", the assistant's own voice out of the loudspeaker: the answer goes on

Time is counted in audio, never by a clock.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

from appliance.audio.format import INPUT_RATE
from appliance.audio.hum import is_hum

# Longer than a cough or an "mm-hm", together with the silence after which its end is known. Short
# commands are understood before that.
CONFIRM_SECONDS = 0.8
# If it does not become known what was said (an engine hangs), the answer goes on after this.
UNDECIDED_SECONDS = 4.0

# What sounds like humming may last longer, while no words are known: a long "mm-hm" interrupts
# nobody, and some voices say "no, no" like one. The answer is silent meanwhile, so that waiting for
# the words costs little.
HUM_SECONDS = 2.0
# How often that is judged.
_JUDGED_SECONDS = 0.2

# Back-channel: what people say while they listen, without wanting the floor. A recogniser writes a
# long "mm-hm" in many ways.
_MURMUR = re.compile(
    r"[hmn]*m[hmn]*|u+h+(?:u+h+)*|h+u+h+|u+h*m+|(?:a+h+)+a*|o+h+|o+o+h*|e+h*r*m*|w+o+w+|(?:ha+)+h?"
)
# Back-channel too, unless the assistant has just asked something: then they are answers. Written
# as they are compared: without hyphens, apostrophes and murmurs.
_ASSENT = {
    "en": {"yeah", "yes", "yep", "yup", "ok", "okay", "right", "sure", "good", "great", "nice"}
    | {"cool", "really", "i see", "got it", "all right", "alright", "of course", "thanks"},
    "de": {"ja", "genau", "okay", "ok", "gut", "stimmt", "klar", "ach so", "alles klar", "danke"},
    "fr": {"oui", "ouais", "daccord", "ok", "bien", "bon", "merci", "voilà"},
    "es": {"sí", "si", "vale", "ok", "claro", "bueno", "ya", "gracias"},
    "it": {"sì", "si", "ok", "va bene", "certo", "bene", "ecco", "grazie"},
}
_JOINED = re.compile(r"(?<=\w)[-'’](?=\w)")
_ECHO_WORDS = 2  # fewer words in common are a coincidence


class Playback(Protocol):
    """The playback of the answer."""

    @property
    def playing(self) -> bool:
        """True while an answer is heard, or would be if it were not paused."""

    def hold(self) -> None:
        """Pauses it; without effect while it is paused."""

    def resume(self) -> None:
        """Plays on from about where it was paused; without effect where it was not."""


def is_meant(text: str, answer: str, language: str) -> bool:
    """True where words said over `answer` are neither back-channel nor its echo."""
    words = _words(text)
    content = [word for word in words if not _MURMUR.fullmatch(word)]
    if not content or _is_echo(words, _words(answer)):
        return False
    assent = _ASSENT.get(language.partition("-")[0], set())
    is_question = answer.rstrip().endswith("?")
    return is_question or not _consists_of(content, assent)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", _JOINED.sub("", text.lower()))


def _consists_of(words: list[str], phrases: set[str]) -> bool:
    """True where the words are a sequence of the phrases."""
    if not words:
        return True
    heads = (" ".join(words[:count]) for count in (1, 2, 3))
    return any(
        head in phrases and _consists_of(words[len(head.split()) :], phrases) for head in heads
    )


def _is_echo(words: list[str], answer: list[str]) -> bool:
    """True where the words stand side by side in the answer, one in five of them misheard."""
    count = len(words)
    if count < _ECHO_WORDS:
        return False
    allowed = count // 5
    return any(
        sum(a != b for a, b in zip(words, answer[start : start + count], strict=True)) <= allowed
        for start in range(len(answer) - count + 1)
    )


@dataclass(slots=True)
class BargeIn:
    """Decides over the speech over answers of one session.

    `answer` gives what the assistant is saying, `language` the language that is spoken.
    `can_answer` tells whether the assistant could answer a text at all: without a language model,
    whatever is no command is treated like a noise. `on_dismissed` is called with words, maybe
    none, that were not meant for the assistant.
    """

    playback: Playback
    answer: Callable[[], str]
    language: Callable[[], str]
    can_answer: Callable[[str], bool]
    on_dismissed: Callable[[str], None]
    undecided: bool = field(default=False, init=False)
    _answer_expected: bool = field(default=False, init=False)
    _speaking: bool = field(default=False, init=False)
    _spoken: float = field(default=0.0, init=False)
    _judged: float = field(default=0.0, init=False)
    _heard: bytearray = field(default_factory=bytearray, init=False)
    _waited: float = field(default=0.0, init=False)

    def expect_answer(self, expected: bool) -> None:
        """An answer is on its way and not heard yet; or, with False, none is any more."""
        self._answer_expected = expected

    def speech_began(self) -> bool:
        """True, and the answer held, where this may be an interruption of it."""
        if not self.undecided and not (self._answer_expected or self.playback.playing):
            return False
        self.playback.hold()
        self.undecided = self._speaking = True
        self._spoken = self._waited = self._judged = 0.0
        self._heard.clear()
        return True

    def speech_ended(self) -> None:
        self._speaking = False

    def lasted(self, audio: bytes) -> bool:
        """Takes audio (16 kHz PCM); True once speech has lasted too long for back-channel."""
        if not self.undecided:
            return False
        seconds = len(audio) / 2 / INPUT_RATE
        if self._speaking:
            self._spoken += seconds
            self._heard += audio
            return self.has_lasted and not self._is_hum()
        self._waited += seconds
        if self._waited >= UNDECIDED_SECONDS:
            self.dismisses("")
        return False

    @property
    def has_lasted(self) -> bool:
        """True where undecided speech has lasted too long for back-channel, unless it is a hum."""
        return self.undecided and self._spoken >= CONFIRM_SECONDS

    def _is_hum(self) -> bool:
        """True while all that was said is a hum. Takes 0.2 ms, five times a second."""
        if self._spoken >= HUM_SECONDS:
            return False
        if self._spoken - self._judged >= _JUDGED_SECONDS:
            self._judged = self._spoken
            return is_hum(bytes(self._heard))
        return True

    def interrupts(self) -> None:
        """The speech is an interruption; the caller stops the answer."""
        self.undecided = False

    def is_meant(self, text: str) -> bool:
        """True where the words are meant for the assistant."""
        return self.can_answer(text) and is_meant(text, self.answer(), self.language())

    def dismisses(self, text: str) -> bool:
        """True where the final words, maybe none, were not meant for the assistant.

        The answer then goes on, unless somebody speaks again already.
        """
        if not self.undecided or self.is_meant(text):
            return False
        if not self._speaking:
            self.undecided = False
            self.playback.resume()
        self.on_dismissed(text)
        return True


class BargeInTurnStart(BaseUserTurnStartStrategy):
    """Begins a user's turn with speech; over an answer, only with an interruption."""

    def __init__(self, barge_in: BargeIn) -> None:
        super().__init__()
        self._barge_in = barge_in

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """STOP where the turn begins."""
        if self._begins(frame):
            self._barge_in.interrupts()
            await self.trigger_user_turn_started()
            return ProcessFrameResult.STOP
        return ProcessFrameResult.CONTINUE

    def _begins(self, frame: Frame) -> bool:
        barge_in = self._barge_in
        if isinstance(frame, VADUserStartedSpeakingFrame):
            return not barge_in.speech_began()
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            barge_in.speech_ended()
        elif isinstance(frame, InputAudioRawFrame):
            return barge_in.lasted(frame.audio)
        elif isinstance(frame, EagerTranscriptionFrame):
            return barge_in.undecided and barge_in.is_meant(frame.text)
        elif isinstance(frame, InterimTranscriptionFrame):
            return barge_in.has_lasted and barge_in.is_meant(frame.text)
        elif isinstance(frame, TranscriptionFrame):
            # Words that were not meant for the assistant were dismissed before they came here.
            return barge_in.undecided
        return False
