"""Circuit breaker shared by engines, routes and LLM endpoints. Pure: callers bring the clock.

A breaker opens at the first failure (no answer at all) and at the third error within a minute (an
answer that went wrong). An open breaker falls due after a pause that grows with every failure in a
row. The attempt that follows is made in the background by the owner of the breaker, never in a
user's turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

RETRY_SECONDS: Final = (15.0, 60.0, 300.0)
"""Pause after the first, the second and every later failure in a row."""
ERROR_LIMIT: Final = 3
"""Errors within ERROR_WINDOW_SECONDS that count as a failure."""
ERROR_WINDOW_SECONDS: Final = 60.0


@dataclass(slots=True)
class CircuitBreaker:
    """Decides whether one thing may be asked. Times are seconds of one monotonic clock.

    `retry_seconds` are the pauses after failures in a row. A breaker that has been closed for
    `stable_seconds` starts again with the first of them.
    """

    retry_seconds: Sequence[float] = RETRY_SECONDS
    stable_seconds: float = ERROR_WINDOW_SECONDS
    is_open: bool = False
    retry_at: float = 0.0
    _failures: int = 0
    _closed_at: float = 0.0
    _errors: list[float] = field(default_factory=list)

    def record_failure(self, now: float, *, permanent: bool = False) -> bool:
        """Opens the breaker; True where it was closed.

        After a permanent failure it never falls due: only a person can mend the cause.
        """
        was_closed = not self.is_open
        if was_closed and now - self._closed_at >= self.stable_seconds:
            self._failures = 0
        pause = self.retry_seconds[min(self._failures, len(self.retry_seconds) - 1)]
        self._failures += 1
        self._errors.clear()
        self.is_open = True
        self.retry_at = inf if permanent else now + pause
        return was_closed

    def record_error(self, now: float) -> bool:
        """Counts an error; True where it was one too many and opened the breaker."""
        self._errors = [at for at in self._errors if now - at < ERROR_WINDOW_SECONDS]
        self._errors.append(now)
        return len(self._errors) >= ERROR_LIMIT and self.record_failure(now)

    def record_success(self, now: float) -> bool:
        """Closes the breaker; True where it was open."""
        was_open, self.is_open = self.is_open, False
        if was_open:
            self._closed_at = now
        return was_open

    def is_due(self, now: float) -> bool:
        """Whether the breaker is open and its pause is over."""
        return self.is_open and now >= self.retry_at


def attempt_order(breakers: Sequence[CircuitBreaker]) -> list[int]:
    """The indices to try, in order: those of closed breakers; empty only for no breakers.

    Where all are open, the one that falls due first is tried, which is better than silence.
    """
    closed = [index for index, breaker in enumerate(breakers) if not breaker.is_open]
    if closed or not breakers:
        return closed
    return [min(range(len(breakers)), key=lambda index: breakers[index].retry_at)]
