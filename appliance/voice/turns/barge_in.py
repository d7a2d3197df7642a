"""Whether speech over an answer is meant to interrupt it.

speech begins while an answer is due or playing ─► the answer is held: silence within a window
    ─► it lasts (CONFIRM_SECONDS), or its words are meant for the assistant: an interruption
    ─► a cough, "mm-hm", the assistant's own voice out of the loudspeaker: the answer goes on

Time is counted in audio, never in clocks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pipecat.frames.frames import (
    EagerTranscriptionFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start import BaseUserTurnStartStrategy

# Longer than a cough or an "mm-hm" and the silence by which its end is known. Who says something
# short is understood before that.
CONFIRM_SECONDS = 0.8
# If nobody can tell what was said (an engine that hangs), the answer goes on after this.
UNDECIDED_SECONDS = 4.0

# What people say while they listen, without wanting the word.
_MURMURS = {
    *("mm", "mmm", "mhm", "mmhm", "hm", "hmm", "uh", "huh", "uhhuh", "um", "ah", "aha", "oh"),
    *("ooh", "wow", "ha", "haha", "er", "eh"),
}
# The same, unless the assistant has just asked something: then they are answers. Written as they
# are compared: without hyphens, apostrophes and murmurs.
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
    """The answer on its way to the loudspeaker."""

    @property
    def playing(self) -> bool: ...

    def hold(self) -> None: ...

    def resume(self) -> None: ...


def is_meant(text: str, answer: str, language: str) -> bool:
    """Whether words said over `answer` want something of the assistant."""
    words = _words(text)
    plain = [word for word in words if word not in _MURMURS]
    if not plain or _is_echo(words, _words(answer)):
        return False
    assent = _ASSENT.get(language.partition("-")[0], set())
    asked = answer.rstrip().endswith("?")
    return asked or not _made_of(plain, assent)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", _JOINED.sub("", text.lower()))


def _made_of(words: list[str], phrases: set[str]) -> bool:
    """Whether one phrase after the other makes up all the words."""
    if not words:
        return True
    heads = (" ".join(words[:count]) for count in (1, 2, 3))
    return any(head in phrases and _made_of(words[len(head.split()) :], phrases) for head in heads)


def _is_echo(words: list[str], answer: list[str]) -> bool:
    """Whether the words stand side by side in the answer, but for one in five misheard."""
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
    """One session's speech over answers.

    `answer` is what the assistant is saying, `language` what is spoken; `can_answer` is whether it
    could answer a text at all: without a language model, what is no command was a noise, or might
    as well have been.
    """

    playback: Playback
    answer: Callable[[], str]
    language: Callable[[], str]
    can_answer: Callable[[str], bool]
    dismissed: Callable[[str], None]
    undecided: bool = field(default=False, init=False)
    _thinking: bool = field(default=False, init=False)
    _speaking: bool = field(default=False, init=False)
    _spoken: float = field(default=0.0, init=False)
    _waited: float = field(default=0.0, init=False)

    def expect(self, thinking: bool) -> None:
        """Whether an answer is on its way that has not been heard yet."""
        self._thinking = thinking

    def speech_began(self) -> bool:
        """True where it has to be found out whether this is an interruption."""
        if not self.undecided and not (self._thinking or self.playback.playing):
            return False
        self.playback.hold()
        self.undecided = self._speaking = True
        self._spoken = self._waited = 0.0
        return True

    def speech_ended(self) -> None:
        self._speaking = False

    def lasted(self, seconds: float) -> bool:
        """Counts audio; True once speech has lasted too long to be anything but meant."""
        if not self.undecided:
            return False
        if self._speaking:
            self._spoken += seconds
            return self._spoken >= CONFIRM_SECONDS
        self._waited += seconds
        if self._waited >= UNDECIDED_SECONDS:
            self.dismisses("")
        return False

    def interrupts(self) -> None:
        """The speech was meant; whoever says so stops the answer."""
        self.undecided = False

    def is_meant(self, text: str) -> bool:
        return self.can_answer(text) and is_meant(text, self.answer(), self.language())

    def dismisses(self, text: str) -> bool:
        """Whether words, or none, were not meant for the assistant; the answer then goes on."""
        if not self.undecided or self.is_meant(text):
            return False
        if not self._speaking:
            self.undecided = False
            self.playback.resume()
        self.dismissed(text)
        return True


class BargeInTurnStart(BaseUserTurnStartStrategy):
    """Begins a user's turn with speech; over an answer, only with speech that is meant."""

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
            return barge_in.lasted(len(frame.audio) / 2 / frame.sample_rate)
        elif isinstance(frame, EagerTranscriptionFrame):
            return barge_in.undecided and barge_in.is_meant(frame.text)
        elif isinstance(frame, TranscriptionFrame):
            # What was not meant has been dismissed before it came here.
            return barge_in.undecided
        return False
