"""Describes what a turn spent its time on: every step that explains a slow answer. Pure.

A step knows its times in seconds of a clock; `TurnTrace` holds the steps with their times in
milliseconds after the end of speech, where those before it are negative.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, ClassVar, TypeVar


class SpeculationOutcome(StrEnum):
    """What became of an answer that was begun before the end of the turn was certain."""

    USED = "used"
    SPEECH_RESUMED = "speech resumed"
    WORDS_CHANGED = "words changed"
    NO_WORDS = "no words"
    TURN_RESET = "turn reset"


@dataclass(frozen=True, slots=True)
class PauseStep:
    """A pause in speech; `resumed` is None where it was the end of speech."""

    TIMES: ClassVar = ("began", "noticed", "resumed")

    began: float
    noticed: float
    resumed: float | None = None


@dataclass(frozen=True, slots=True)
class VerdictStep:
    """A verdict of smart-turn: the probability that the turn is complete.

    `ahead`: it was asked for during the pause, before the end of speech.
    """

    TIMES: ClassVar = ("at",)

    at: float
    probability: float
    ahead: bool


@dataclass(frozen=True, slots=True)
class TranscriptionStep:
    """A transcription.

    `begun` is when an engine took it from its queue, None where none did. `windows` are the encoder
    windows in seconds, of which `retries` were a second attempt. `done` is False where it failed or
    was given up.
    """

    TIMES: ClassVar = ("queued", "begun", "ended")

    engine: str
    purpose: str
    queued: float
    begun: float | None
    ended: float
    audio_seconds: float
    windows: tuple[float, ...] = ()
    retries: int = 0
    done: bool = True


@dataclass(frozen=True, slots=True)
class SpeculationStep:
    """An answer begun ahead; `guessed` where no verdict on the pause was known."""

    TIMES: ClassVar = ("began", "ended")

    began: float
    guessed: bool
    ended: float | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class PieceStep:
    """A piece of an answer that was synthesized.

    `begun` is when an engine took it from its queue, None where it came out of the phrase cache
    (`cached`) or was never begun. `ahead`: it was made before the answer was certain. `done` is
    False where it failed or was given up.
    """

    TIMES: ClassVar = ("queued", "begun", "first_audio", "ended")

    engine: str
    characters: int
    queued: float
    begun: float | None
    first_audio: float | None
    ended: float
    speech_seconds: float
    ahead: bool = False
    cached: bool = False
    done: bool = True


@dataclass(frozen=True, slots=True)
class UnderrunStep:
    """A time within an answer, until `at`, for which the client had nothing to play."""

    TIMES: ClassVar = ("at",)

    at: float
    seconds: float


Step = PauseStep | VerdictStep | TranscriptionStep | SpeculationStep | PieceStep | UnderrunStep
S = TypeVar("S", bound=Step)


def relative(step: S, zero: float) -> S:
    """The step with its times in milliseconds after `zero`, a time of the same clock."""
    times = {name: getattr(step, name) for name in step.TIMES}
    return replace(
        step,
        **{name: round(1000 * (at - zero), 1) for name, at in times.items() if at is not None},
    )


@dataclass(frozen=True, slots=True)
class TurnTrace:
    """The steps of one turn, in the order in which they ended.

    `stages` are the ends of its stages by name. `cpu_pressure` is the share of the time from the
    end of speech to the first audio in which some task waited for a processor, None where the
    kernel does not tell.
    """

    stages: Mapping[str, float] = field(default_factory=dict)
    pauses: tuple[PauseStep, ...] = ()
    verdicts: tuple[VerdictStep, ...] = ()
    transcriptions: tuple[TranscriptionStep, ...] = ()
    speculations: tuple[SpeculationStep, ...] = ()
    pieces: tuple[PieceStep, ...] = ()
    underruns: tuple[UnderrunStep, ...] = ()
    cpu_pressure: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TurnTrace":
        """Reads what `as_json` made, of this release or another: unknown keys are left out."""
        return cls(
            stages=data.get("stages", {}),
            cpu_pressure=data.get("cpu_pressure"),
            **{name: tuple(_steps(kind, data.get(name, ()))) for name, kind in _KINDS.items()},
        )

    def line(self) -> str:
        """The turn in one line, without anything that was said."""
        return "; ".join(part for part in (*self._until_words(), *self._until_audio()) if part)

    def _until_words(self) -> tuple[str, ...]:
        pause = self.pauses[-1] if self.pauses else None
        verdicts = [f"{one.probability:.2f} at {one.at:+.0f}" for one in self.verdicts]
        return (
            f"first audio {self.stages['first_audio']:.0f} ms"
            if "first_audio" in self.stages
            else "no audio",
            f"pause noticed {pause.noticed:+.0f}" if pause else "",
            f"verdict {', '.join(verdicts)}" if verdicts else "",
            *(_transcription_text(one) for one in self.transcriptions if one.done),
            *(
                f"{name.replace('_', ' ')} {at:+.0f}"
                for name, at in self.stages.items()
                if name != "first_audio"
            ),
        )

    def _until_audio(self) -> tuple[str, ...]:
        underruns = [one.seconds for one in self.underruns]
        longest = 1000 * max(underruns, default=0.0)
        return (
            *(f"speculation {one.began:+.0f} {one.outcome}" for one in self.speculations),
            *(_piece_text(one) for one in self.pieces),
            f"{len(underruns)} underruns, longest {longest:.0f} ms" if underruns else "",
            ""
            if self.cpu_pressure is None
            else f"processor pressure {100 * self.cpu_pressure:.0f} %",
        )


_KINDS: Mapping[str, Any] = {
    "pauses": PauseStep,
    "verdicts": VerdictStep,
    "transcriptions": TranscriptionStep,
    "speculations": SpeculationStep,
    "pieces": PieceStep,
    "underruns": UnderrunStep,
}


def _steps(kind: Any, rows: Any) -> list[Any]:  # noqa: ANN401  JSON, of any of the kinds
    names = {each.name for each in fields(kind)}
    steps = []
    for row in rows:
        known = {name: value for name, value in row.items() if name in names}
        if "windows" in known:
            known["windows"] = tuple(known["windows"])
        steps.append(kind(**known))
    return steps


def _transcription_text(step: TranscriptionStep) -> str:
    windows = " + ".join(f"{seconds:g}" for seconds in step.windows)
    parts = (
        f"{step.audio_seconds:.1f} s heard {step.purpose} {step.queued:+.0f} to {step.ended:+.0f}",
        f"window {windows} s" if windows else "",
        _queue_text(step.queued, step.begun),
    )
    return ", ".join(part for part in parts if part)


def _piece_text(step: PieceStep) -> str:
    cost = f"{step.speech_seconds:.1f} s voiced {step.queued:+.0f} to {step.ended:+.0f}"
    parts = (
        cost,
        "ahead" if step.ahead else "",
        "from the cache" if step.cached else "",
        "" if step.done else "given up",
        _queue_text(step.queued, step.begun),
    )
    return ", ".join(part for part in parts if part)


def _queue_text(queued: float, begun: float | None) -> str:
    """The time in the queue in milliseconds, where it is worth a word."""
    return f"queued {begun - queued:.0f} ms" if begun is not None and begun - queued >= 1 else ""
