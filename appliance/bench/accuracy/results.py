"""Sums up the errors of what was heard by kind, condition and language. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from appliance.bench.accuracy.canonical import canonical_words
from appliance.bench.accuracy.turn_outcome import Heard, TurnOutcome, turn_outcome
from appliance.bench.contenders import OURS
from appliance.bench.statistics import Spread, spread
from appliance.text.word_error_rate import WordErrors, word_errors

BASELINE: Final = "baseline"


@dataclass(frozen=True, slots=True)
class HeardClip:
    """A clip without its sound, and what was heard of it by each server and by the baseline."""

    name: str
    text: str
    language: str
    kind: str
    condition: str
    voice: str
    begin: float
    end: float
    pauses: tuple[tuple[float, float], ...]
    is_finished: bool
    may_end: bool
    heard: Mapping[str, Heard]
    baseline: str | None = None

    @property
    def faults(self) -> list[str]:
        """Why servers could not be asked, where that was so."""
        return [heard.fault for heard in self.heard.values() if heard.fault]

    def errors(self, name: str) -> WordErrors | None:
        """The word errors of OURS or of BASELINE; None where it was not measured."""
        found = self.baseline if name == BASELINE else self.heard[name].text
        if found is None:
            return None
        wanted = canonical_words(self.text, self.language)
        return word_errors(wanted, canonical_words(found, self.language))

    def outcome(self, server: str) -> TurnOutcome:
        return turn_outcome(self, self.heard[server])

    def as_json(self) -> dict[str, object]:
        errors = {name: self.errors(name) for name in (OURS, BASELINE)}
        return {
            **asdict(self),
            "errors": {name: asdict(each) for name, each in errors.items() if each is not None},
            "turns": {server: asdict(self.outcome(server)) for server in self.heard},
        }


@dataclass(frozen=True, slots=True)
class WordScore:
    """Word errors of a group of clips; `baseline` is None where it was not measured."""

    group: str
    clips: int
    ours: WordErrors
    baseline: WordErrors | None


@dataclass(frozen=True, slots=True)
class TurnScore:
    """The ends of turn of one server.

    Of `finished` utterances `waited` ended late or never, of `pauses` after which the speaker went
    on `cut` were taken for the end, of `utterances` `cut_inside` ended amid speech, and
    `false_starts` turns began without speech. `wait` is in milliseconds.
    """

    server: str
    finished: int
    waited: int
    pauses: int
    cut: int
    utterances: int
    cut_inside: int
    false_starts: int
    wait: Spread | None


@dataclass(frozen=True, slots=True)
class AccuracyResults:
    """Everything that one run measured."""

    machine: Mapping[str, object]
    versions: Mapping[str, str]
    engines: Mapping[str, str]
    options: Mapping[str, object]
    clips: tuple[HeardClip, ...]
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def spoken(self) -> tuple[HeardClip, ...]:
        return tuple(clip for clip in self.clips if clip.text and not clip.faults)

    @property
    def without_speech(self) -> tuple[HeardClip, ...]:
        return tuple(clip for clip in self.clips if not clip.text and not clip.faults)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and how many clips a server could not be asked about."""
        faults = [fault for clip in self.clips for fault in clip.faults]
        lost = (f"{len(faults)} clips do not count: {faults[0]}",) if faults else ()
        return (*self.notes, *lost)

    @property
    def servers(self) -> tuple[str, ...]:
        return tuple(self.clips[0].heard) if self.clips else ()

    def word_scores(self) -> list[tuple[str, list[WordScore]]]:
        """The scores of all, and by condition, language and kind, each with its heading."""
        return [
            ("all", [word_score("all", self.spoken)]),
            *(
                (heading, _grouped(self.spoken, key))
                for heading, key in (
                    ("condition", lambda clip: clip.condition),
                    ("language", lambda clip: clip.language),
                    ("kind", lambda clip: clip.kind),
                )
            ),
        ]

    @property
    def is_direct(self) -> bool:
        """Whether the daemon's parts were asked at audio time, without the door."""
        return bool(self.options.get("direct"))

    def turn_scores(self) -> list[TurnScore]:
        return [turn_score(server, self.spoken) for server in self.servers]

    def as_json(self) -> dict[str, object]:
        return {
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "engines": dict(self.engines),
            "options": dict(self.options),
            "seconds": round(self.seconds),
            "words": {
                heading: [asdict(score) for score in scores]
                for heading, scores in self.word_scores()
            },
            "turns": [asdict(score) for score in self.turn_scores()],
            "clips": [clip.as_json() for clip in self.clips],
            "notes": list(self.remarks),
        }


def word_score(group: str, clips: Sequence[HeardClip]) -> WordScore:
    """The errors of the clips together; the baseline only where it heard all of them."""
    base = [clip.errors(BASELINE) for clip in clips]
    known = [errors for errors in base if errors is not None]
    ours = [errors for clip in clips if (errors := clip.errors(OURS)) is not None]
    whole = _total(known) if len(known) == len(base) and known else None
    return WordScore(group, len(clips), _total(ours), whole)


def turn_score(server: str, clips: Sequence[HeardClip]) -> TurnScore:
    """The ends of turn of these clips together."""
    outcomes = [(clip, clip.outcome(server)) for clip in clips]
    going_on = [(clip, outcome) for clip, outcome in outcomes if not clip.may_end]
    finished = [outcome for clip, outcome in outcomes if clip.is_finished]
    waits = (outcome.wait for outcome in finished)
    return TurnScore(
        server=server,
        finished=len(finished),
        waited=sum(outcome.waited_long for outcome in finished),
        pauses=sum(len(clip.pauses) for clip, _ in going_on),
        cut=sum(outcome.cut_pauses for _, outcome in going_on),
        utterances=len(clips),
        cut_inside=sum(outcome.cut_inside > 0 for _, outcome in outcomes),
        false_starts=sum(outcome.false_starts for _, outcome in outcomes),
        wait=spread(1000 * wait for wait in waits if wait is not None),
    )


def _grouped(clips: Sequence[HeardClip], key: Callable[[HeardClip], str]) -> list[WordScore]:
    groups: dict[str, list[HeardClip]] = {}
    for clip in clips:
        groups.setdefault(key(clip), []).append(clip)
    return [word_score(group, members) for group, members in sorted(groups.items())]


def _total(errors: Iterable[WordErrors]) -> WordErrors:
    return sum(errors, WordErrors())
