"""How fast audio may flow, in pure arithmetic: time is an argument, in seconds of one clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(slots=True)
class Playout:
    """When the next piece of audio is due at a client that plays in real time.

    The sender runs `lead` seconds ahead of playback: enough to hide a stall of the event loop,
    little enough that silence after a barge-in does not depend on the client alone.
    """

    lead: float
    _end: float = 0.0

    def delay(self, duration: float, now: float) -> float:
        """Seconds to wait before `duration` seconds of audio are sent; books them as sent."""
        start = max(self._end, now)
        self._end = start + duration
        return max(0.0, start - self.lead - now)

    def playing_until(self, now: float) -> float:
        """When all that was sent will have been played."""
        return max(self._end, now)

    def flush(self) -> None:
        """Forgets what was sent: the client dropped it."""
        self._end = 0.0


@dataclass(slots=True)
class TokenBucket:
    """A bucket of `capacity` units that refills by `rate` units a second."""

    capacity: float
    rate: float = 1.0
    _level: float = field(init=False)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._level = self.capacity

    def borrow(self, amount: float, now: float) -> float:
        """Books `amount` in any case; the seconds to wait until the allowance covers it."""
        self._refill(now)
        self._level -= amount
        return max(0.0, -self._level / self.rate)

    def take(self, amount: float, now: float) -> bool:
        """True, and books it, where `amount` is still within the allowance."""
        self._refill(now)
        granted = amount <= self._level
        if granted:
            self._level -= amount
        return granted

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self.rate
        self._level = min(self.capacity, self._level + gained)
        self._at = now


def restart_from(chunks: Sequence[bytes], rate: int, least: float, most: float) -> int:
    """How many of the chunks that were played last are played again after an interruption that
    was none: at least `least` seconds of them, at most `most`, from the quietest chunk between,
    which is where one word ends and the next begins.

    Chunks are 16 bit mono PCM at `rate`; of fewer than `least` seconds, all.
    """
    seconds, quietest, chosen = 0.0, math.inf, len(chunks)
    for back, chunk in enumerate(reversed(chunks), start=1):
        seconds += len(chunk) / 2 / rate
        if seconds > most:
            break
        loudness = float(np.abs(np.frombuffer(chunk, np.int16).astype(np.int32)).sum())
        if seconds >= least and loudness < quietest:
            quietest, chosen = loudness, back
    return chosen
