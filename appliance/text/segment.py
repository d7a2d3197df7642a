"""Cuts an answer, while it is being written, into the pieces that are spoken one by one. Pure.

`CodeFenceSplitter` separates code, which is shown, not spoken. `ClauseSegmenter` cuts the rest:
the first piece is one clause, so that the voice can begin early; later pieces are whole sentences,
because a voice needs the sentence to get its melody right. A boundary is a punctuation mark with
white space behind it, which tells "3.5" and "e.g." from the end of a sentence in most cases; a
short list of abbreviations covers the rest.

Waiting for a good boundary costs time where the model writes slowly. The longer the first piece
has been awaited, the weaker a boundary may be: a clause of two words, then of one word, and in the
end the gap before a word that begins a phrase.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

FENCE = "```"

FEWEST_FIRST_WORDS = 2  # "Well," alone may leave a gap before what follows
# Seconds since the first token. After the first limit a clause of one word is better than more
# silence; after the second the first piece need not be a clause at all.
ONE_WORD_SECONDS = 0.04
PHRASE_SECONDS = 0.15
FEWEST_PHRASE_WORDS = 3
MOST_FIRST_WORDS = 12  # a sentence without any comma is cut between two words
MOST_WORDS = 40  # later pieces: as long as a breath

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]|\n+")
# A comma after a letter needs no white space behind it to be the end of a clause.
_CLAUSE_END = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)|(?<=[^\W\d])[,;](?=$)|[，、；：]")
# Conjunctions and relative pronouns that begin a clause without a comma before them.
_CLAUSE_START = re.compile(
    r"\s(?=(?:because|but|which|who|when|where|while|although|unless|whereas|since)\s)",
    re.IGNORECASE,
)
FEWEST_CLAUSE_WORDS = 4
# Words that begin a phrase, before which a voice may take a breath.
_PHRASE_START = re.compile(
    r"\s(?=(?:and|or|but|so|because|that|which|who|when|where|while|if|as|than|until|before|after"
    r"|in|on|at|to|for|from|with|without|by|of|about|into|over|under|is|are|was|were|will|can)\s)",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|[A-Za-z](?:\.[A-Za-z])+|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|No|vs|approx|etc|cf)\.$"
)


@dataclass(slots=True)
class CodeFenceSplitter:
    """Tells code in fenced blocks from prose, in text that arrives in fragments."""

    inside: bool = False
    _held: str = ""

    def feed(self, fragment: str) -> list[tuple[str, bool]]:
        """Splits a fragment into (text, is_code) parts, in order; fences themselves are code.

        Backticks at the end of a fragment are held back until the next one completes them.
        """
        text = self._held + fragment
        kept = (len(text) - len(text.rstrip("`"))) % len(FENCE)
        self._held = text[len(text) - kept :] if kept else ""
        text = text[: len(text) - len(self._held)] if self._held else text
        return self._split(text)

    def end(self) -> list[tuple[str, bool]]:
        """Returns what was held back and resets; the next answer starts outside of code."""
        rest, self._held = self._held, ""
        parts = [(rest, self.inside)] if rest else []
        self.inside = False
        return parts

    def _split(self, text: str) -> list[tuple[str, bool]]:
        parts: list[tuple[str, bool]] = []
        for number, part in enumerate(text.split(FENCE)):
            if number:
                self.inside = not self.inside
                parts.append((FENCE, True))
            if part:
                parts.append((part, self.inside))
        return parts


@dataclass(slots=True)
class ClauseSegmenter:
    """Cuts the text of one answer into pieces and returns each as soon as its end is certain.

    `opening` is the first piece if it was already cut from the same text; with a `quick` voice
    the first piece may be a single word.
    """

    opening: str = ""
    quick: bool = False
    _text: str = ""
    _first: bool = True
    _waited: float = 0.0

    def feed(self, text: str, waited: float = 0.0) -> list[str]:
        """Adds text and returns the pieces that are complete by now.

        `waited` is the time in seconds since the first text of the answer arrived.
        """
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
        """Returns the rest and resets; text fed afterwards begins a new answer."""
        rest, self._text, self._first = self._text, "", True
        if not rest.strip():
            return []
        self.opening = ""
        return [rest]

    def _boundary(self) -> int | None:
        """The end of the next piece; None while it is uncertain."""
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
        """The earliest boundary inside a sentence at which the first piece may end."""
        hurried = self.quick or self._waited >= ONE_WORD_SECONDS
        ends = [
            self._clause_end(1 if hurried else FEWEST_FIRST_WORDS, limit),
            self._before(_CLAUSE_START, FEWEST_CLAUSE_WORDS, limit),
        ]
        if self._waited >= PHRASE_SECONDS:
            ends.append(self._before(_PHRASE_START, FEWEST_PHRASE_WORDS, limit))
        return min((end for end in ends if end is not None), default=None)

    def _before(self, start: re.Pattern[str], fewest: int, limit: int) -> int | None:
        """The first match of `start` with at least `fewest` words before it."""
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
        """The end of the `most`th word, once another word has begun."""
        words = list(re.finditer(r"\S+", self._text))
        return words[most - 1].end() if len(words) > most else None


class Segment(NamedTuple):
    """A part of an answer; what is not `spoken` is code, and only shown."""

    text: str
    spoken: bool


class AnswerSegmenter:
    """Cuts an answer, while it is being written, into what is spoken and what is only shown.

    `opening` and `quick` are those of `ClauseSegmenter`.
    """

    def __init__(self, opening: str = "", *, quick: bool = False) -> None:
        self._fences = CodeFenceSplitter()
        self._clauses = ClauseSegmenter(opening, quick)
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
