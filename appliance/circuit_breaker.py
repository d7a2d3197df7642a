"""Decides when to leave what fails and when to try it again. Pure: it is given the time.

A breaker opens at once after a request without an answer, and after three errors within a minute.
It may be closed again after a pause that grows with every failure in a row. Whoever owns the
breaker makes that attempt in the background, never a user's turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

PAUSES: Final = (15.0, 60.0, 300.0)
"""Seconds after the first, second and every later failure in a row before another attempt."""
ERRORS: Final = 3
WINDOW_SECONDS: Final = 60.0
"""So many errors in so long are a failure; so long without one, and a failure is the first."""


@dataclass(slots=True)
class CircuitBreaker:
    """Whether one thing may be asked. Times are seconds of any clock that does not go back."""

    is_open: bool = False
    retry_at: float = 0.0
    _row: int = 0
    _closed_at: float = 0.0
    _errors: list[float] = field(default_factory=list)

    def failed(self, now: float) -> bool:
        """It gave no answer, and is left; True where it was not left already."""
        opened = not self.is_open
        if opened and now - self._closed_at >= WINDOW_SECONDS:
            self._row = 0
        self._errors.clear()
        self.is_open = True
        self.retry_at = now + PAUSES[min(self._row, len(PAUSES) - 1)]
        self._row += 1
        return opened

    def erred(self, now: float) -> bool:
        """It went wrong on the way; True where that was once too often, and it is left."""
        self._errors = [at for at in self._errors if now - at < WINDOW_SECONDS]
        self._errors.append(now)
        return len(self._errors) >= ERRORS and self.failed(now)

    def answered(self, now: float) -> bool:
        """It works; True where it had been left."""
        was_open, self.is_open = self.is_open, False
        if was_open:
            self._closed_at = now
        return was_open

    def is_due(self, now: float) -> bool:
        """Whether it was left, and may be tried again."""
        return self.is_open and now >= self.retry_at


def order(breakers: Sequence[CircuitBreaker]) -> list[int]:
    """Whom to ask, one after the other, by place; never nobody.

    Where all were left, the one whose time comes soonest is better than silence.
    """
    closed = [place for place, breaker in enumerate(breakers) if not breaker.is_open]
    if closed or not breakers:
        return closed
    return [min(range(len(breakers)), key=lambda place: breakers[place].retry_at)]
