"""Cuts an answer, while it is being written, into the pieces that are spoken one by one. Pure.

The first piece is one clause, so that the voice can begin early; the pieces after it are whole
sentences, because a voice needs the sentence to get its melody right. A boundary is a mark with
white space behind it, which tells "3.5" and "e.g." from the end of a sentence in most cases; a
short list of abbreviations does the rest.
"""

import re
from dataclasses import dataclass

FEWEST_FIRST_WORDS = 2  # "Well," alone would leave a gap before what follows
MOST_FIRST_WORDS = 12  # a sentence without any comma is cut between two words
MOST_WORDS = 40  # later pieces: as long as a breath

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]|\n+")
_CLAUSE_END = re.compile(r"[,;:—–][\"'”’)\]]*(?=\s)|[，、；：]")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|[A-Za-z](?:\.[A-Za-z])+|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|No|vs|approx|etc|cf)\.$"
)


@dataclass(slots=True)
class Clauses:
    """The pieces of one answer, in the order in which they become certain."""

    _text: str = ""
    _first: bool = True

    def feed(self, text: str) -> list[str]:
        """Adds text; returns the pieces that are complete by now."""
        self._text += text
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
        return [rest] if rest.strip() else []

    def _boundary(self) -> int | None:
        """Where the next piece ends, once that is certain."""
        sentence = self._sentence_end()
        limit = len(self._text) if sentence is None else sentence
        if self._first:
            clause = self._clause_end(FEWEST_FIRST_WORDS, limit)
            if clause is not None:
                return clause
        too_long = self._after_words(MOST_FIRST_WORDS if self._first else MOST_WORDS)
        if too_long is not None and too_long < limit:
            return self._clause_end(FEWEST_FIRST_WORDS, too_long) or too_long
        return sentence

    def _sentence_end(self) -> int | None:
        for match in _SENTENCE_END.finditer(self._text):
            if not _ABBREVIATION.search(self._text[: match.end()]):
                return match.end()
        return None

    def _clause_end(self, fewest: int, limit: int) -> int | None:
        """The first clause mark with enough words before it, no later than `limit`."""
        for match in _CLAUSE_END.finditer(self._text, 0, min(limit + 1, len(self._text))):
            if match.end() <= limit and len(self._text[: match.end()].split()) >= fewest:
                return match.end()
        return None

    def _after_words(self, most: int) -> int | None:
        """Behind the `most`th word, where another one has begun."""
        words = list(re.finditer(r"\S+", self._text))
        return words[most - 1].end() if len(words) > most else None
