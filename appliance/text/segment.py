"""Cuts an answer, while it is being written, into the pieces that are spoken one by one. Pure.

The first piece is one clause, so that the voice can begin early; the pieces after it are whole
sentences, because a voice needs the sentence to get its melody right. A boundary is a mark with
white space behind it, which tells "3.5" and "e.g." from the end of a sentence in most cases; a
short list of abbreviations does the rest.

Waiting for a good boundary costs time where the model writes slowly. So the longer somebody has
waited, the less good a boundary has to be: first a clause of two words, then of one, in the end
the gap before a word with which a new phrase begins.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from appliance.text.fences import CodeFences

FEWEST_FIRST_WORDS = 2  # "Well," alone may leave a gap before what follows
# Seconds since the first token after which that matters less than the silence before it, and
# after which the first piece need not even be a clause.
ONE_WORD_SECONDS = 0.04
PHRASE_SECONDS = 0.15
FEWEST_PHRASE_WORDS = 3
MOST_FIRST_WORDS = 12  # a sentence without any comma is cut between two words
MOST_WORDS = 40  # later pieces: as long as a breath

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]|\n+")
# A comma after a letter needs no white space behind it to be the end of a clause.
_CLAUSE_END = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)|(?<=[^\W\d])[,;](?=$)|[，、；：]")
# With these a clause begins that needs no comma before it.
_CLAUSE_START = re.compile(
    r"\s(?=(?:because|but|which|who|when|where|while|although|unless|whereas|since)\s)",
    re.IGNORECASE,
)
FEWEST_CLAUSE_WORDS = 4
# With these a phrase begins, so that a voice may take a breath before them.
_PHRASE_START = re.compile(
    r"\s(?=(?:and|or|but|so|because|that|which|who|when|where|while|if|as|than|until|before|after"
    r"|in|on|at|to|for|from|with|without|by|of|about|into|over|under|is|are|was|were|will|can)\s)",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|[A-Za-z](?:\.[A-Za-z])+|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|No|vs|approx|etc|cf)\.$"
)


@dataclass(slots=True)
class Clauses:
    """The pieces of one answer, in the order in which they become certain.

    `opening` is the first piece where it has been cut already, from the same text; with a
    `quick` voice the first piece may be a single word.
    """

    opening: str = ""
    quick: bool = False
    _text: str = ""
    _first: bool = True
    _waited: float = 0.0

    def feed(self, text: str, waited: float = 0.0) -> list[str]:
        """Adds text; returns the pieces that are complete by now, `waited` seconds after the
        first of the text."""
        self._text += text
        self._waited = waited
        pieces: list[str] = []
        while (end := self._boundary()) is not None:
            piece, self._text = self._text[:end], self._text[end:]
            if piece.strip():
                pieces.append(piece)
                self._first = False
        return pieces

    def end(self) -> list[str]:
        """The rest; what is fed afterwards begins a new answer."""
        rest, self._text, self._first = self._text, "", True
        if not rest.strip():
            return []
        self.opening = ""
        return [rest]

    def _boundary(self) -> int | None:
        """Where the next piece ends, once that is certain."""
        if self._first and self.opening and self._text.startswith(self.opening):
            return len(self.opening)
        sentence = self._sentence_end()
        limit = len(self._text) if sentence is None else sentence
        if self._first and (early := self._early_end(limit)) is not None:
            return early
        too_long = self._after_words(MOST_FIRST_WORDS if self._first else MOST_WORDS)
        if too_long is not None and too_long < limit:
            return self._clause_end(FEWEST_FIRST_WORDS, too_long) or too_long
        return sentence

    def _early_end(self, limit: int) -> int | None:
        """Where the first piece may end before the sentence does."""
        hurried = self.quick or self._waited >= ONE_WORD_SECONDS
        ends = [
            self._clause_end(1 if hurried else FEWEST_FIRST_WORDS, limit),
            self._before(_CLAUSE_START, FEWEST_CLAUSE_WORDS, limit),
        ]
        if self._waited >= PHRASE_SECONDS:
            ends.append(self._before(_PHRASE_START, FEWEST_PHRASE_WORDS, limit))
        return min((end for end in ends if end is not None), default=None)

    def _before(self, start: re.Pattern[str], fewest: int, limit: int) -> int | None:
        """Before the first word with which something new begins, with enough words behind."""
        ends = (match.start() for match in start.finditer(self._text, 0, limit))
        return next((end for end in ends if self._words(end) >= fewest), None)

    def _words(self, end: int) -> int:
        return len(self._text[:end].split())

    def _sentence_end(self) -> int | None:
        for match in _SENTENCE_END.finditer(self._text):
            if not _ABBREVIATION.search(self._text[: match.end()]):
                return match.end()
        return None

    def _clause_end(self, fewest: int, limit: int) -> int | None:
        """The first clause mark with enough words before it, no later than `limit`."""
        for match in _CLAUSE_END.finditer(self._text, 0, min(limit + 1, len(self._text))):
            if match.end() <= limit and self._words(match.end()) >= fewest:
                return match.end()
        return None

    def _after_words(self, most: int) -> int | None:
        """Behind the `most`th word, where another one has begun."""
        words = list(re.finditer(r"\S+", self._text))
        return words[most - 1].end() if len(words) > most else None


class Segment(NamedTuple):
    """A part of an answer; what is not `spoken` is code, and only shown."""

    text: str
    spoken: bool


class AnswerSegmenter:
    """Cuts an answer, while it is being written, into what is spoken and what is only shown.

    `opening` and `quick` are those of `Clauses`.
    """

    def __init__(self, opening: str = "", *, quick: bool = False) -> None:
        self._fences = CodeFences()
        self._clauses = Clauses(opening, quick)
        self._began: float | None = None

    def feed(self, text: str, now: float) -> list[Segment]:
        """Adds text that came at `now` (seconds); returns the segments that are complete."""
        if self._began is None:
            self._began = now
        return self._cut(self._fences.feed(text), now - self._began)

    def end(self) -> list[Segment]:
        """Returns the rest of the answer."""
        return self._cut(self._fences.end(), 0.0) + self._spoken(self._clauses.end())

    def _cut(self, parts: list[tuple[str, bool]], waited: float) -> list[Segment]:
        segments: list[Segment] = []
        for text, is_code in parts:
            if is_code:
                segments += self._spoken(self._clauses.end())
                segments.append(Segment(text, spoken=False))
            else:
                segments += self._spoken(self._clauses.feed(text, waited))
        return segments

    @staticmethod
    def _spoken(clauses: list[str]) -> list[Segment]:
        return [Segment(clause, spoken=True) for clause in clauses]
