"""Plans the pieces in which a text is spoken, while it is being written. Pure.

A text is cut by what each piece costs the voice (`SpeechCost`) and by prosody
(`prosody.boundaries`). The first piece is short, so that the voice begins early; each later one is
as long as allows it to be ready before the sound of the piece before it ends.

The voice begins early only with text that is there. The longer the first piece has been awaited
from a slow model, the weaker a boundary may be.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from appliance.text.prosody import Strength, boundaries, speech_seconds

ALLOWED_HOLE_SECONDS: Final = 0.15
"""Silence between two pieces that is heard as a breath."""
_PLANNED_HOLE_SECONDS: Final = 0.1
"""Less than is allowed: what a piece costs is an estimate."""
FIRST_SECONDS: Final = 0.9
"""The sound of the first piece, where the voice must finish a piece before it is heard."""
MAX_FIRST_SECONDS: Final = 1.3
"""Its limit where that much sound has a better boundary than the gap between two words."""
MAX_FIRST_WORDS: Final = 12
"""The first piece of a prompt voice: a sentence without any comma is cut between two words."""
MAX_WORDS: Final = 40
"""Later pieces: as long as a breath."""
LOOKAHEAD_SECONDS: Final = 0.05
"""Seconds since the first token in which the first piece awaits the text behind it."""
_LOOKAHEAD_SOUND: Final = 2.4
QUICK_SECONDS: Final = 0.15
"""The work of a quick voice for a second of sound."""
PHRASE_SECONDS: Final = 0.15
"""Seconds since the first token after which the first piece need not be a clause."""
PROMPT_PHRASE_SECONDS: Final = 0.08
"""The same for a prompt voice, whose next piece comes soon whatever the first one was."""
MIN_PHRASE_WORDS: Final = 3
MIN_CLAUSE_WORDS: Final = 4
"""The words before a conjunction that make a clause without a comma."""
ENOUGH_SECONDS: Final = 0.75
"""The sound from which on a clause is long enough to be the first piece at once."""
_LEAD_SECONDS: Final = 0.2
"""How long before the voice is idle its next piece is cut: estimates are no better than this."""
_COMFORTABLE_SECONDS: Final = 3.0
"""A sentence is spoken as it is where the slack behind it is enough for a piece of this sound."""
_WINDOW: Final = 240
"""The characters that are planned at once, some eleven seconds of sound."""

# What a plan is judged by, in seconds of waiting for the first sound that are as bad.
_HOLE_WEIGHT: Final = 3.0
_AUDIBLE_HOLE_COST: Final = 1.5
_PIECE_COST: Final = 0.1
_JOINED_SENTENCES_COST: Final = 0.15
_SHORT_PIECE_COST: Final = 0.4
_SHORT_SECONDS: Final = 0.7
_WEAKNESS: Final = {
    Strength.SENTENCE: 0.0,
    Strength.CLAUSE: 0.05,
    Strength.CONJUNCTION: 0.15,
    Strength.PHRASE: 0.25,
    Strength.WORD: 0.6,
}
_KEPT_PLANS: Final = 4
"""Plans kept for each place: an early slack may be worth a weak boundary."""


@dataclass(frozen=True, slots=True)
class SpeechCost:
    """What a piece costs a voice.

    A piece of s seconds of sound is ready `start_seconds + real_time_factor * s` after it is
    begun; with a voice that `streams`, its first sound is ready after `start_seconds`.
    `sound_scale` is the length of the sound against that of `speech_seconds`. The defaults are
    Kokoro's on one contended thread.
    """

    start_seconds: float = 0.4
    real_time_factor: float = 0.82
    streams: bool = False
    sound_scale: float = 1.0

    @property
    def is_quick(self) -> bool:
        """Whether the rest of an answer is ready before its first word is over."""
        return self.total(1.0) < QUICK_SECONDS

    @property
    def is_prompt(self) -> bool:
        """Whether the first sound of a piece comes soon, however long the piece is."""
        return self.streams or self.is_quick

    def sound(self, text: str) -> float:
        """The seconds of sound of a piece."""
        return self.sound_scale * speech_seconds(text)

    def total(self, sound: float) -> float:
        """The seconds of work for a piece."""
        return self.start_seconds + self.real_time_factor * sound

    def ready(self, sound: float) -> float:
        """The seconds of work until a piece begins to be heard."""
        return self.start_seconds if self.streams else self.total(sound)

    def slack_after(self, sound: float, slack: float | None) -> float:
        """The seconds of sound left when a piece is made that was begun with so much `slack`."""
        return max(slack or 0.0, self.ready(sound)) + sound - self.total(sound)


@dataclass(slots=True)
class SpeechSchedule:
    """Estimates when the voice has made the pieces it was given, and when their sound ends."""

    cost: SpeechCost
    idle_at: float = 0.0
    silent_at: float = 0.0

    def add(self, text: str, begun: float, now: float) -> None:
        """Counts a piece that the voice was given at `begun`, to be heard from `now` on."""
        sound = self.cost.sound(text)
        start = max(self.idle_at, begun)
        self.idle_at = start + self.cost.total(sound)
        audible = max(self.silent_at, start + self.cost.ready(sound), now)
        self.silent_at = max(audible + sound, self.idle_at)

    def slack(self, now: float) -> float:
        """The seconds of sound left when the voice can begin another piece; negative in a hole."""
        return self.silent_at - max(self.idle_at, now)


class _Place(NamedTuple):
    """A boundary, and what is before it: seconds of sound, words, ends of sentences.

    It is not `certain` where it is the end of a text that goes on.
    """

    end: int
    strength: Strength
    sound: float
    words: int
    sentences: int
    certain: bool


class _Plan(NamedTuple):
    """Cuts up to some place: their penalty, the slack left behind them, and the first of them.

    There is no slack where nothing is heard yet.
    """

    penalty: float
    slack: float | None
    first: _Place | None = None


@dataclass(slots=True)
class PiecePlanner:
    """Cuts the text of one answer into pieces and returns each when the voice should have it.

    `opening` is the first piece if it was already cut from the same text, and given to the voice
    at `opened_at`. Times are in seconds of one clock.
    """

    cost: SpeechCost = field(default_factory=SpeechCost)
    opening: str = ""
    opened_at: float = 0.0
    _text: str = ""
    _began: float | None = None
    _schedule: SpeechSchedule = field(init=False)

    def __post_init__(self) -> None:
        self._schedule = SpeechSchedule(self.cost)

    def feed(self, text: str, now: float) -> list[str]:
        """Adds text that came at `now`; returns the pieces to be spoken next."""
        if self._began is None:
            self._began = now
        self._text += text
        return self._cut(now, complete=False)

    def flush(self, now: float) -> list[str]:
        """Cuts all the text there is; what is fed afterwards goes on with the same answer."""
        pieces = self._cut(now, complete=True)
        self._text = ""
        return pieces

    def end(self, now: float) -> list[str]:
        """Cuts the rest and resets; text fed afterwards begins a new answer."""
        pieces = self.flush(now)
        self._schedule, self._began, self.opening = SpeechSchedule(self.cost), None, ""
        return pieces

    def _cut(self, now: float, *, complete: bool) -> list[str]:
        pieces: list[str] = []
        while self._text.strip() and (end := self._next_end(now, complete=complete)) is not None:
            piece, self._text = self._text[:end], self._text[end:]
            pieces.append(piece)
            is_opening = piece == self.opening
            self._schedule.add(piece, self.opened_at if is_opening else now, now)
            self.opening = ""
        return pieces

    def _next_end(self, now: float, *, complete: bool) -> int | None:
        """The end of the next piece; None while it is uncertain."""
        if self.opening and self._text.startswith(self.opening):
            return len(self.opening)
        if self.opening.startswith(self._text) and not complete:
            return None
        text = self._text[:_WINDOW]
        is_window = len(text) < len(self._text)
        places = self._places(text, complete=complete and not is_window)
        slack = None if self._schedule.silent_at <= now else self._schedule.slack(now)
        if self.cost.is_prompt:
            if slack is None:
                chosen = self._clause(places, now)
            else:
                may_wait = not complete and self._is_busy(now)
                chosen = self._sentences(places, slack, may_wait=may_wait)
        elif complete or is_window or self._is_due(places, slack, now):
            chosen = _comfortable_sentence(places, self.cost, slack)
            chosen = chosen or _best_cut(places, self.cost, slack)
        else:
            chosen = None
        if chosen is None and (complete or is_window or places[-1].words > MAX_WORDS):
            chosen = _longest(places, MAX_WORDS)
            return chosen.end if chosen else self._after_words(MAX_WORDS)
        return chosen.end if chosen else None

    def _places(self, text: str, *, complete: bool) -> list[_Place]:
        """Where the text may be cut, and its end."""
        found = {end: (strength, True) for end, strength in boundaries(text, complete=complete)}
        if complete:
            found[len(text)] = (Strength.SENTENCE, True)
        found.setdefault(len(text), (Strength.CLAUSE, False))
        places: list[_Place] = []
        sentences = 0
        for end, (strength, certain) in found.items():
            sentences += strength == Strength.SENTENCE and certain
            before = text[:end]
            sound = self.cost.sound(before)
            places.append(_Place(end, strength, sound, len(before.split()), sentences, certain))
        return places

    def _clause(self, places: Sequence[_Place], now: float) -> _Place | None:
        """The first piece of a prompt voice: long enough for the next one to be ready in time."""
        waited = self._waited(now)
        for place in places:
            is_clause = place.strength >= Strength.CLAUSE or (
                place.strength == Strength.CONJUNCTION and place.words >= MIN_CLAUSE_WORDS
            )
            is_phrase = place.strength >= Strength.PHRASE and place.words >= MIN_PHRASE_WORDS
            is_strong = is_clause or (is_phrase and waited >= PROMPT_PHRASE_SECONDS)
            # A voice that is slower than its sound never leaves time: it must not wait for that.
            is_long = place.sound >= MAX_FIRST_SECONDS
            if place.certain and is_strong and (is_long or self._leaves_time(place, None)):
                return place if place.words <= MAX_FIRST_WORDS else None
        return _longest(places, MAX_FIRST_WORDS) if places[-1].words > MAX_FIRST_WORDS else None

    def _sentences(
        self, places: Sequence[_Place], slack: float, *, may_wait: bool
    ) -> _Place | None:
        """A later piece of a prompt voice: one sentence, or several that are short."""
        found = [
            place
            for place in places
            if place.certain and place.strength == Strength.SENTENCE and place.words <= MAX_WORDS
        ]
        enough = (place for place in found if self._leaves_time(place, slack))
        return next(enough, found[-1] if found and not may_wait else None)

    def _leaves_time(self, place: _Place, slack: float | None) -> bool:
        """Whether another piece of a prompt voice begins in time after a piece up to the place."""
        left = self.cost.slack_after(place.sound, slack)
        return left >= self.cost.start_seconds - ALLOWED_HOLE_SECONDS

    def _is_due(self, places: Sequence[_Place], slack: float | None, now: float) -> bool:
        """Whether the next piece of a slow voice must be cut from the text known by now."""
        known = [place for place in places if place.certain]
        if slack is not None:
            has_sentence = any(place.sentences for place in known)
            return has_sentence or (
                not self._is_busy(now) and self.cost.ready(places[-1].sound) >= slack
            )
        waited = self._waited(now)
        enough = MAX_FIRST_SECONDS if waited >= LOOKAHEAD_SECONDS else _LOOKAHEAD_SOUND
        return any(place.sound > enough for place in known) or any(
            place.sound >= ENOUGH_SECONDS
            if place.strength >= Strength.CLAUSE
            else place.words >= MIN_PHRASE_WORDS and waited >= PHRASE_SECONDS
            for place in known
        )

    def _is_busy(self, now: float) -> bool:
        """Whether the voice is at work for long enough to wait for more text."""
        return now < self._schedule.idle_at - _LEAD_SECONDS

    def _waited(self, now: float) -> float:
        return 0.0 if self._began is None else now - self._began

    def _after_words(self, most: int) -> int | None:
        """The end of the `most`th word, once another word has begun; else of a complete text."""
        words = list(re.finditer(r"\S+", self._text))
        return words[most - 1].end() if len(words) > most else None


def _sentence(places: Sequence[_Place]) -> _Place | None:
    """The first sentence, where it is not longer than a breath."""
    first = next((p for p in places if p.certain and p.strength == Strength.SENTENCE), None)
    return first if first is not None and first.words <= MAX_WORDS else None


def _longest(places: Sequence[_Place], words: int) -> _Place | None:
    """The strongest place, and of several the last, with at most so many words before it."""
    found = [place for place in places if place.certain and place.words <= words]
    return max(found, key=lambda place: (place.strength, place.end), default=None)


def _comfortable_sentence(
    places: Sequence[_Place], cost: SpeechCost, slack: float | None
) -> _Place | None:
    """The first sentence, where it is in time and leaves time enough for another."""
    sentence = _sentence(places)
    if sentence is None or slack is None or cost.ready(sentence.sound) > slack:
        return None
    left = cost.slack_after(sentence.sound, slack)
    return sentence if left >= cost.ready(_COMFORTABLE_SECONDS) else None


def _best_cut(places: Sequence[_Place], cost: SpeechCost, slack: float | None) -> _Place | None:
    """The first cut of the best plan for the text; None where it is to wait for more text.

    Goes through the places in order and keeps the few best plans up to each of them.
    """
    start = _Place(0, Strength.SENTENCE, 0.0, 0, 0, certain=True)
    nodes = [start, *places]
    plans: list[list[_Plan]] = [[] for _ in nodes]
    plans[0] = [_Plan(0.0, slack)]
    first = [place for place in places if _may_begin(place)] or places[:1]
    for index, before in enumerate(nodes[:-1]):
        for plan in _undominated(plans[index]):
            for number, place in enumerate(nodes[index + 1 :], index + 1):
                if place.words - before.words > MAX_WORDS:
                    break
                if plan.slack is not None or place in first:
                    plans[number].append(_with_piece(plan, before, place, cost))
    best = min(plans[-1], key=lambda plan: plan.penalty, default=None)
    return best.first if best is not None and best.first and best.first.certain else None


def _may_begin(place: _Place) -> bool:
    """Whether a slow voice may begin with so long a piece."""
    limit = FIRST_SECONDS if place.strength == Strength.WORD else MAX_FIRST_SECONDS
    return place.certain and place.sound <= limit


def _undominated(plans: Sequence[_Plan]) -> list[_Plan]:
    """The best plans, each with more slack than those with less penalty."""
    kept: list[_Plan] = []
    for plan in sorted(plans, key=lambda plan: plan.penalty):
        if not kept or (plan.slack or 0.0) > (kept[-1].slack or 0.0):
            kept.append(plan)
    return kept[:_KEPT_PLANS]


def _with_piece(plan: _Plan, before: _Place, place: _Place, cost: SpeechCost) -> _Plan:
    """The plan with one piece more, between two places."""
    silence = cost.sound(" .") if before.end else 0.0
    sound = place.sound - before.sound + silence
    if not place.certain:
        sound = max(sound, FIRST_SECONDS)  # it goes on
    penalty = ready = cost.ready(sound)
    if plan.slack is not None:
        hole = max(0.0, ready - plan.slack - _PLANNED_HOLE_SECONDS)
        penalty = _HOLE_WEIGHT * hole + (_AUDIBLE_HOLE_COST if hole else 0.0)
    inner = place.sentences - before.sentences - (place.strength == Strength.SENTENCE)
    penalty += _PIECE_COST + _WEAKNESS[place.strength] + _JOINED_SENTENCES_COST * max(0, inner)
    if sound < _SHORT_SECONDS and place.strength != Strength.SENTENCE:
        penalty += _SHORT_PIECE_COST
    left = cost.slack_after(sound, plan.slack)
    return _Plan(plan.penalty + penalty, left, plan.first or place)
