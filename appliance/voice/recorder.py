"""Records a session as it goes: what was said, what was heard, and how long each turn took.

Services and processors call the recorder at the moment something happens; it turns that into
events and measurements. It never waits and never fails a turn.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.conversation import Event, EventKind, OnEvent
from appliance.observability.turn_trace import TurnTrace
from appliance.text.layout import with_layout
from appliance.voice.turn_tracer import StepGauges, TurnTracer

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 2.0
"""Silence after which neither side is taken to be in the middle of something."""
ANSWER_SECONDS: Final = 15.0
"""The longest wait for an answer to begin: after this there may be none."""
UNDERRUN_SECONDS: Final = 0.02
"""An underrun that is no longer is not recorded: it is a chunk that came late."""

END_OF_SPEECH: Final = "end_of_speech"
ENDPOINTING: Final = "endpointing"
TRANSCRIPTION: Final = "transcription"
FIRST_TOKEN: Final = "first_token"
FIRST_AUDIO: Final = "first_audio"


@dataclass(slots=True)
class TurnTimings:
    """When each stage of a turn ended. A stage is marked once; later marks are ignored.

    Pure: times are arguments, in seconds of one clock.
    """

    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str, at: float) -> bool:
        """Marks the end of a stage; False where it was marked already or the turn has no start."""
        if stage in self.marks or (stage != END_OF_SPEECH and END_OF_SPEECH not in self.marks):
            return False
        self.marks[stage] = at
        return True

    def since_speech(self) -> dict[str, float]:
        """Milliseconds from the end of speech to the end of each later stage."""
        start = self.marks.get(END_OF_SPEECH)
        if start is None:
            return {}
        return {
            stage: round(1000 * (at - start), 1)
            for stage, at in self.marks.items()
            if stage != END_OF_SPEECH
        }


@dataclass(frozen=True, slots=True)
class Gauges:
    """Where a recorder's measurements go.

    `stage` gets a stage's name and its seconds, `turn` the route that answered; `steps` are those
    of the steps of a turn.
    """

    stage: Callable[[str, float], None]
    turn: Callable[[str], None]
    interrupted: Callable[[], None]
    steps: StepGauges = field(default_factory=StepGauges)


@dataclass(slots=True)
class Recorder:
    """The events of one session.

    `engines` returns the engines that answer at the moment, by kind. `language` is the one heard
    last, empty before. `answer_text` is the current answer as far as it is written, `last_answer`
    the last one as it was heard. `last_activity` is a time of the monotonic clock. `tracer` is told
    the steps that explain the time of a turn.
    """

    conversation_id: str
    session_id: str
    on_event: OnEvent
    gauges: Gauges
    engines: Callable[[], dict[str, str]]
    route: str = "local"
    turn: int = 0
    last_answer: str = ""
    answer_text: str = ""
    last_activity: float = field(default_factory=time.monotonic)
    answer_awaited: bool = False
    language: str = ""
    _spoken: bool = False
    _timings: TurnTimings = field(default_factory=TurnTimings)
    _next_timings: TurnTimings = field(default_factory=TurnTimings)
    _left_the_box: bool = False
    _answered: bool = False
    _taken_over: bool = False
    _question: str = ""
    _start: Mapping[str, Any] = field(default_factory=dict)
    tracer: TurnTracer = field(init=False)
    _trace: TurnTrace = field(default_factory=TurnTrace)

    def __post_init__(self) -> None:
        self.tracer = TurnTracer(self.gauges.steps, lambda: time.monotonic())

    def emit(self, kind: EventKind, **data: Any) -> None:  # noqa: ANN401  JSON values
        self.on_event(
            Event(kind, self.conversation_id, self.session_id, time.time(), self.turn, data)
        )

    @property
    def seconds_to_pause(self) -> float:
        """Seconds until nobody is taken to speak, to hear something or to wait for an answer."""
        enough = ANSWER_SECONDS if self.answer_awaited else PAUSE_SECONDS
        return max(0.0, self.last_activity + enough - time.monotonic())

    def speech_heard(self) -> None:
        """The user is speaking at this moment."""
        self.last_activity = time.monotonic()

    def speech_ended(self, hold: float) -> None:
        """The VAD reports the end of speech, `hold` seconds after it."""
        now = time.monotonic()
        self.last_activity = now
        self._next_timings = TurnTimings()
        self._next_timings.mark(END_OF_SPEECH, now - hold)
        self.tracer.speech_ended()

    def transcribed(self, language: str = "") -> None:
        """Words were understood, in `language` where that is known."""
        self._next_timings.mark(TRANSCRIPTION, time.monotonic())
        self._spoken = True
        self.tracer.words_heard()
        self.language = language or self.language

    def turn_taken_over(self) -> None:
        """Another route answers the current turn: the same question comes once more."""
        self._taken_over = self.turn > 0

    def user_turn(self, text: str) -> None:
        """The user's turn is over: its transcript is complete, or a typed text has arrived."""
        taken_over, self._taken_over = self._taken_over, False
        if taken_over and self._question.strip() in ("", text.strip()):
            self.answer_awaited = True
            self.last_activity = time.monotonic()
            if not self._question:
                self.transcript_known(text)
            return
        source = self.begin_turn()
        self._question = text
        known = {"language": self.language} if source == "voice" and self.language else {}
        self.emit(EventKind.USER_TRANSCRIPT, text=text, source=source, **known)

    def begin_turn(self) -> str:
        """The user's turn is over, whatever its text; the source of it: "voice" or "text"."""
        now = time.monotonic()
        self.last_activity = now
        self.answer_awaited = True
        # A model may have been asked ahead with the words of this turn: the mark is kept.
        self._emit_left_the_box()
        self._emit_trace()
        self._answered, self._question = False, ""
        self.turn += 1
        self.answer_text = ""
        self._timings, self._next_timings = self._next_timings, TurnTimings()
        spoken, self._spoken = self._spoken, False
        if not spoken:
            self._timings = TurnTimings()
            self._timings.mark(END_OF_SPEECH, now)
        self._timings.mark(ENDPOINTING, now)
        self.tracer.turn_began(spoken=spoken)
        self._trace = TurnTrace()
        return "voice" if spoken else "text"

    def transcript_known(self, text: str, source: str = "voice") -> None:
        """The text of the current turn has become known after the turn began."""
        self._question = text
        self.emit(EventKind.USER_TRANSCRIPT, text=text, source=source)

    def model_asked(self, *, left_the_box: bool) -> None:
        """A model gets the user's words, for certain or ahead of the turn's end."""
        self._left_the_box |= left_the_box

    def answer_written(self, text: str) -> None:
        """More of the current answer was written."""
        self.answer_text += text

    def speech_dismissed(self, text: str) -> None:
        """The user spoke over an answer without interrupting it; `text` may be empty."""
        self.emit(EventKind.NOT_MEANT, text=text)

    def token_received(self) -> None:
        self._timings.mark(FIRST_TOKEN, time.monotonic())

    def audio_sent(self, underrun: float = 0.0) -> None:
        """Audio of an answer is sent, after `underrun` seconds in which the client had none."""
        if underrun > UNDERRUN_SECONDS:
            self.tracer.underrun(underrun)
        self.last_activity = now = time.monotonic()
        self.answer_awaited = False
        if self._timings.mark(FIRST_AUDIO, now):
            spans = self._timings.since_speech()
            for stage, milliseconds in spans.items():
                self.gauges.stage(stage, milliseconds / 1000)
            self.emit(EventKind.TURN_TIMINGS, milliseconds=spans)
            self.tracer.first_audio_sent()

    def answer_heard(self, text: str, *, interrupted: bool) -> None:
        """The assistant fell silent; `text` is the part of its answer that the user heard."""
        if interrupted:
            self.gauges.interrupted()
        if not text:
            return
        text = with_layout(text, self.answer_text)
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
        self._emit_trace()

    def session_started(self, **facts: str | None) -> None:
        """Records whose session it is, and in which language.

        Without `facts` once more: the conversation is kept from now on.
        """
        self._start = facts or self._start
        self.emit(
            EventKind.SESSION_STARTED, **self._start, route=self.route, engines=self.engines()
        )

    def session_ended(self, reason: str) -> None:
        self._emit_left_the_box()
        self._emit_trace()
        self.emit(EventKind.SESSION_ENDED, reason=reason)

    def _emit_left_the_box(self) -> None:
        """Records that words left the box in a turn of which no answer was heard.

        The event of an answer has it already.
        """
        if self._left_the_box and self.turn and not self._answered:
            self.emit(EventKind.LEFT_THE_BOX, left_the_box=True)

    def _emit_trace(self) -> None:
        """Records and logs the steps of the turn, where there are any since the last time.

        An answer in several parts has a trace after each; the last one counts.
        """
        start = self._timings.marks.get(END_OF_SPEECH)
        if not self.turn or start is None:
            return
        trace = self.tracer.current.finished(self._timings.since_speech(), start)
        is_empty = trace == TurnTrace(trace.stages) and FIRST_AUDIO not in trace.stages
        if trace != self._trace and not is_empty:
            self._trace = trace
            self.emit(EventKind.TURN_TRACE, **trace.as_json())
            log.info("turn %d of %s: %s", self.turn, self.session_id, trace.line())
