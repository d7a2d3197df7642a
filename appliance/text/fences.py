"""Separates what is spoken from code, in text that arrives in pieces. Pure."""

from dataclasses import dataclass

FENCE = "```"


@dataclass(slots=True)
class CodeFences:
    """Remembers, from piece to piece, whether the text is inside a fenced block of code."""

    inside: bool = False
    _held: str = ""

    def feed(self, piece: str) -> list[tuple[str, bool]]:
        """Splits a piece into (text, is_code) parts, in order; fences themselves are code.

        Backticks at the end of a piece are held back until the next shows what they are.
        """
        text = self._held + piece
        kept = (len(text) - len(text.rstrip("`"))) % len(FENCE)
        self._held = text[len(text) - kept :] if kept else ""
        text = text[: len(text) - len(self._held)] if self._held else text
        return self._split(text)

    def end(self) -> list[tuple[str, bool]]:
        """What was held back; the next answer starts outside of code."""
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
