"""Writes down a session as it goes: what was said, what was heard, how long it took.

Services and processors call it at the moment something happens; it turns that into events and
measurements. It never waits and never fails a turn.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from appliance.conversation import Event, EventKind, OnEvent
from appliance.voice import timings
from appliance.voice.timings import Timings

BREATH = 2.0
"""Seconds of silence after which nobody is taken to be in the middle of anything."""
ANSWER_SECONDS = 15.0
"""After these, an answer that has not begun is not waited for: there may be none."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """What a recorder measures into, without knowing where it goes."""

    stage: Callable[[str, float], None]
    turn: Callable[[str], None]
    interrupted: Callable[[], None]


@dataclass(slots=True)
class Recorder:
    """The events of one session. `engines` tells which engines answer at this moment.

    `language` is that in which the user was heard last, empty before.
    """

    conversation_id: str
    session_id: str
    on_event: OnEvent
    gauges: Gauges
    engines: Callable[[], dict[str, str]]
    route: str = "local"
    turn: int = 0
    last_answer: str = ""
    saying: str = ""
    last_activity: float = field(default_factory=time.monotonic)
    answer_awaited: bool = False
    language: str = ""
    _spoken: bool = False
    _timings: Timings = field(default_factory=Timings)
    _pending: Timings = field(default_factory=Timings)
    _left_the_box: bool = False
    _answered: bool = False
    _taken_over: bool = False
    _question: str = ""

    def emit(self, kind: EventKind, **data: Any) -> None:  # noqa: ANN401  JSON values
        self.on_event(
            Event(kind, self.conversation_id, self.session_id, time.time(), self.turn, data)
        )

    @property
    def quiet_in(self) -> float:
        """Seconds until nobody is taken to speak, hear something or wait for an answer."""
        enough = ANSWER_SECONDS if self.answer_awaited else BREATH
        return max(0.0, self.last_activity + enough - time.monotonic())

    def speech_heard(self) -> None:
        """The user is speaking at this moment."""
        self.last_activity = time.monotonic()

    def speech_ended(self, hold: float) -> None:
        """The VAD reports the end of speech, `hold` seconds after it was."""
        now = time.monotonic()
        self.last_activity = now
        self._pending = Timings()
        self._pending.mark(timings.END_OF_SPEECH, now - hold)

    def transcribed(self, language: str = "") -> None:
        """Words were understood, in that language where it is known."""
        self._pending.mark(timings.TRANSCRIPTION, time.monotonic())
        self._spoken = True
        self.language = language or self.language

    def taken_over(self) -> None:
        """Another route answers the turn that was begun: the same question comes once more."""
        self._taken_over = self.turn > 0

    def turn_started(self, text: str) -> None:
        """The user is done: a transcript is complete, or a typed text came in."""
        taken_over, self._taken_over = self._taken_over, False
        if taken_over and self._question.strip() in ("", text.strip()):
            self.answer_awaited = True
            self.last_activity = time.monotonic()
            if not self._question:
                self.understood(text)
            return
        source = self.turn_begun()
        self._question = text
        known = {"language": self.language} if source == "voice" and self.language else {}
        self.emit(EventKind.USER_TRANSCRIPT, text=text, source=source, **known)

    def turn_begun(self) -> str:
        """The user is done, whatever it was that was said: "voice" or "text"."""
        now = time.monotonic()
        self.last_activity = now
        self.answer_awaited = True
        # It may be this turn's words that a model was asked ahead, so that it stays said.
        self._tell_what_left()
        self._answered, self._question = False, ""
        self.turn += 1
        self.saying = ""
        self._timings, self._pending = self._pending, Timings()
        spoken, self._spoken = self._spoken, False
        if not spoken:
            self._timings = Timings()
            self._timings.mark(timings.END_OF_SPEECH, now)
        self._timings.mark(timings.ENDPOINTING, now)
        return "voice" if spoken else "text"

    def understood(self, text: str, source: str = "voice") -> None:
        """What was said, or typed ("text"), in this turn is known only now."""
        self._question = text
        self.emit(EventKind.USER_TRANSCRIPT, text=text, source=source)

    def model_asked(self, *, left_the_box: bool) -> None:
        """A model gets the user's words, for certain or ahead of the turn's end."""
        self._left_the_box |= left_the_box

    def says(self, text: str) -> None:
        """More of an answer, as far as it has been written."""
        self.saying += text

    def dismissed(self, text: str) -> None:
        """Somebody spoke over an answer, but not to interrupt it; `text` may be empty."""
        self.emit(EventKind.NOT_MEANT, text=text)

    def token(self) -> None:
        self._timings.mark(timings.FIRST_TOKEN, time.monotonic())

    def audio_sent(self) -> None:
        self.last_activity = now = time.monotonic()
        self.answer_awaited = False
        if self._timings.mark(timings.FIRST_AUDIO, now):
            spans = self._timings.since_speech()
            for stage, milliseconds in spans.items():
                self.gauges.stage(stage, milliseconds / 1000)
            self.emit(EventKind.TURN_TIMINGS, milliseconds=spans)

    def answered(self, text: str, *, interrupted: bool) -> None:
        """The assistant fell silent; `text` is what the user heard of its answer."""
        if interrupted:
            self.gauges.interrupted()
        if not text:
            return
        self.last_answer = text
        self.gauges.turn(self.route)
        self.emit(
            EventKind.ANSWER,
            text=text,
            interrupted=interrupted,
            route=self.route,
            engines=self.engines(),
            left_the_box=self._left_the_box,
        )
        self._left_the_box = False
        self._answered = True

    def ended(self, reason: str) -> None:
        """The session is over."""
        self._tell_what_left()
        self.emit(EventKind.SESSION_ENDED, reason=reason)

    def _tell_what_left(self) -> None:
        """Of a turn whose answer nobody heard; otherwise the answer says it."""
        if self._left_the_box and self.turn and not self._answered:
            self.emit(EventKind.LEFT_THE_BOX, left_the_box=True)
