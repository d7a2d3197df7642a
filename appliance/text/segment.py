"""Separates the code of an answer, which is shown, from the prose, which is spoken. Pure.

The prose is cut into pieces by `pieces.PiecePlanner`.
"""

from dataclasses import dataclass
from typing import NamedTuple

from appliance.text.pieces import PiecePlanner, SpeechCost

FENCE = "```"


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


class Segment(NamedTuple):
    """A part of an answer; what is not `spoken` is code, and only shown."""

    text: str
    spoken: bool


class AnswerSegmenter:
    """Cuts an answer, while it is being written, into what is spoken and what is only shown.

    `cost`, `opening` and `opened_at` are those of `PiecePlanner`. Times are in seconds of one
    clock.
    """

    def __init__(
        self, cost: SpeechCost | None = None, opening: str = "", opened_at: float = 0.0
    ) -> None:
        self._fences = CodeFenceSplitter()
        self._planner = PiecePlanner(cost or SpeechCost(), opening, opened_at)

    def feed(self, text: str, now: float) -> list[Segment]:
        """Adds text that came at `now`; returns the segments that are to be spoken or shown."""
        return self._cut(self._fences.feed(text), now)

    def end(self, now: float) -> list[Segment]:
        """Returns the rest of the answer."""
        return self._cut(self._fences.end(), now) + self._spoken(self._planner.end(now))

    def _cut(self, parts: list[tuple[str, bool]], now: float) -> list[Segment]:
        segments: list[Segment] = []
        for text, is_code in parts:
            if is_code:
                segments += self._spoken(self._planner.flush(now))
                segments.append(Segment(text, spoken=False))
            else:
                segments += self._spoken(self._planner.feed(text, now))
        return segments

    @staticmethod
    def _spoken(pieces: list[str]) -> list[Segment]:
        return [Segment(piece, spoken=True) for piece in pieces]
