"""Collects the steps of a session's turns, which end up in their traces. It never waits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.observability.turn_trace import (
    PauseStep,
    PieceStep,
    SpeculationOutcome,
    SpeculationStep,
    TranscriptionStep,
    TurnTrace,
    UnderrunStep,
    VerdictStep,
    relative,
)
from appliance.voice.turns.coordinator import TurnListener

MAX_STEPS: Final = 48
"""Of one kind in one turn; a turn in which somebody reads out a book has no more than these."""


@dataclass(frozen=True, slots=True)
class StepGauges:
    """Where the measurements of single steps go, and where the pressure on the processor is read.

    `queued` gets "stt" or "tts" and the seconds in the queue of the engine, `real_time` the same
    and the real-time factor; `underrun` gets seconds, `speculation` the outcome. `cpu_wait` returns
    the seconds for which some task has waited for a processor so far, None where nothing tells.
    """

    queued: Callable[[str, float], None] = lambda _kind, _seconds: None
    real_time: Callable[[str, float], None] = lambda _kind, _factor: None
    underrun: Callable[[float], None] = lambda _seconds: None
    speculation: Callable[[str], None] = lambda _outcome: None
    cpu_wait: Callable[[], float | None] = lambda: None


@dataclass(eq=False, slots=True)
class TraceDraft:
    """The steps of one turn so far, with their times in seconds of the monotonic clock."""

    pauses: list[PauseStep] = field(default_factory=list)
    verdicts: list[VerdictStep] = field(default_factory=list)
    transcriptions: list[TranscriptionStep] = field(default_factory=list)
    speculations: list[SpeculationStep] = field(default_factory=list)
    pieces: list[PieceStep] = field(default_factory=list)
    underruns: list[UnderrunStep] = field(default_factory=list)
    # The time and the pressure counter at the end of speech, and the share since then.
    pressure_from: tuple[float, float] | None = None
    cpu_pressure: float | None = None

    def finished(self, stages: dict[str, float], zero: float) -> TurnTrace:
        """The trace so far, with times after `zero`."""
        return TurnTrace(
            stages,
            tuple(relative(step, zero) for step in self.pauses[-MAX_STEPS:]),
            tuple(relative(step, zero) for step in self.verdicts[-MAX_STEPS:]),
            tuple(relative(step, zero) for step in self.transcriptions[-MAX_STEPS:]),
            tuple(relative(step, zero) for step in self.speculations[-MAX_STEPS:]),
            tuple(relative(step, zero) for step in self.pieces[-MAX_STEPS:]),
            tuple(relative(step, zero) for step in self.underruns[-MAX_STEPS:]),
            self.cpu_pressure,
        )


class TurnTracer(TurnListener):
    """Keeps a draft for the turn that is being answered, and one for the turn that is spoken.

    What belongs to no turn, a cough or an empty utterance, is forgotten.
    """

    def __init__(
        self,
        gauges: StepGauges | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gauges = gauges or StepGauges()
        self._clock = clock
        self.current = TraceDraft()
        self.next = TraceDraft()
        self._is_paused = self._has_words = False

    def pause_lasted(self, milliseconds: float) -> None:
        if not self._is_paused:
            self._is_paused = True
            now = self._clock()
            self.next.pauses.append(PauseStep(now - milliseconds / 1000, now))

    def speech_began(self) -> None:
        self._is_paused = False

    def speech_resumed(self) -> None:
        """Notes the end of the pause, if there was one."""
        if self._is_paused and self.next.pauses:
            self.next.pauses[-1] = replace(self.next.pauses[-1], resumed=self._clock())
        self._is_paused = False

    async def dismissed(self) -> None:
        self._forget()

    async def nothing_heard(self) -> None:
        """Forgets the speech, unless something was said before it in the same turn."""
        if not self._has_words:
            self._forget()

    def words_heard(self) -> None:
        """Words were understood, which the turn is about."""
        self._has_words = True

    def _forget(self) -> None:
        self.next = TraceDraft()
        self._has_words = False

    def judged(self, probability: float, *, ahead: bool) -> None:
        self.next.verdicts.append(VerdictStep(self._clock(), round(probability, 3), ahead))

    def speculation_began(self, *, guessed: bool) -> None:
        self.next.speculations.append(SpeculationStep(self._clock(), guessed))

    def speculation_ended(self, outcome: SpeculationOutcome) -> None:
        """Notes the outcome of the speculation that is under way."""
        self._gauges.speculation(outcome)
        # The turn may have begun a moment before.
        steps = self.next.speculations or self.current.speculations
        if steps and steps[-1].ended is None:
            steps[-1] = replace(steps[-1], ended=self._clock(), outcome=outcome.value)

    def speech_ended(self) -> None:
        """Speech has ended: from here on the pressure on the processor counts."""
        waited = self._gauges.cpu_wait()
        if waited is not None:
            self.next.pressure_from = (self._clock(), waited)

    def turn_began(self, *, spoken: bool) -> None:
        """The turn is over, and is answered from now on; a typed one had no speech."""
        self.current = self.next if spoken else TraceDraft()
        self._forget()
        self._is_paused = False
        waited = self._gauges.cpu_wait()
        if self.current.pressure_from is None and waited is not None:
            self.current.pressure_from = (self._clock(), waited)

    def first_audio_sent(self) -> None:
        """The answer begins to be heard: the pressure on the processor is known."""
        waited, begin = self._gauges.cpu_wait(), self.current.pressure_from
        if waited is not None and begin is not None and (now := self._clock()) > begin[0]:
            share = (waited - begin[1]) / (now - begin[0])
            self.current.cpu_pressure = round(min(1.0, max(0.0, share)), 3)

    def transcribed(self, step: TranscriptionStep) -> None:
        """A transcription has ended, of whatever was said since the latest turn."""
        self.next.transcriptions.append(step)
        if step.begun is not None:
            self._gauges.queued("stt", step.begun - step.queued)
            if step.done and step.audio_seconds:
                self._gauges.real_time("stt", (step.ended - step.begun) / step.audio_seconds)

    def voiced(self, draft: TraceDraft, step: PieceStep) -> None:
        """A piece of the answer of that draft has been synthesized, or given up.

        `draft` is `next` where it was made ahead, else `current`, as of when it was queued.
        """
        draft.pieces.append(step)
        if step.begun is not None:
            self._gauges.queued("tts", step.begun - step.queued)
            if step.done and step.speech_seconds:
                self._gauges.real_time("tts", (step.ended - step.begun) / step.speech_seconds)

    def underrun(self, seconds: float) -> None:
        """The client has had nothing to play for so long, within an answer."""
        self.current.underruns.append(UnderrunStep(self._clock(), round(seconds, 3)))
        self._gauges.underrun(seconds)
