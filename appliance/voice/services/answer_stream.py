"""The first words of an answer that is held back until it is certain that the turn is over.

The text waits at the gate behind the language model; its first piece is spoken into memory
meanwhile, so that letting the answer go is letting sound go.
"""

import time
from collections.abc import Callable

from appliance.text.fences import CodeFences
from appliance.text.segment import Clauses


class Pieces:
    """An answer as it is written, cut into what is shown and what is spoken, piece by piece."""

    def __init__(self, opening: str = "", *, quick: bool = False) -> None:
        self._fences = CodeFences()
        self._clauses = Clauses(opening, quick)
        self._began = 0.0

    def feed(self, text: str) -> list[tuple[str, bool]]:
        """The pieces that are complete by now; True with those that are spoken."""
        now = time.monotonic()
        self._began = self._began or now
        return self._cut(self._fences.feed(text), now - self._began)

    def end(self) -> list[tuple[str, bool]]:
        """The rest of the answer."""
        pieces = self._cut(self._fences.end(), 0.0)
        return pieces + [(piece, True) for piece in self._clauses.end()]

    def _cut(self, parts: list[tuple[str, bool]], waited: float) -> list[tuple[str, bool]]:
        pieces: list[tuple[str, bool]] = []
        for text, is_code in parts:
            if is_code:
                pieces += [(piece, True) for piece in self._clauses.end()]
                pieces.append((text, False))
            else:
                pieces += [(piece, True) for piece in self._clauses.feed(text, waited)]
        return pieces


class HeldOpening:
    """What an answer begins with while it is held; `prepare` is told its first spoken piece,
    `discard` that it will not be needed, `quick` tells whether the voice is."""

    def __init__(
        self,
        prepare: Callable[[str], None],
        discard: Callable[[], None],
        quick: Callable[[], bool],
    ) -> None:
        self._prepare = prepare
        self._discard = discard
        self._quick = quick
        self._pieces: Pieces | None = None
        self._text = ""

    def begin(self) -> None:
        """Another answer begins to be held."""
        self.forget()
        self._pieces = Pieces(quick=self._quick())

    def held(self, text: str) -> None:
        """More of it came and is held."""
        if self._pieces is None or self._text:
            return
        for piece, spoken in self._pieces.feed(text):
            if spoken:
                self._text = piece
                self._prepare(piece)
                return

    def forget(self) -> None:
        """The answer will not be given."""
        if self._text:
            self._discard()
        self._pieces, self._text = None, ""

    def let_go(self) -> Pieces:
        """The answer begins, with the first piece as it was cut."""
        text, self._text, self._pieces = self._text, "", None
        return Pieces(text, quick=self._quick())
