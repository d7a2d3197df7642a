"""Pacing of the audio that is played, in pure arithmetic: time is an argument, in seconds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(slots=True)
class Playout:
    """When the next chunk of audio is due at a client that plays in real time.

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


def chunks_to_replay(chunks: Sequence[bytes], rate: int, least: float, most: float) -> int:
    """How many of the chunks played last are played again after a false interruption.

    They last at least `least` and at most `most` seconds, and begin with the quietest chunk
    between the two, where one word ends and the next begins. All are replayed where they are
    shorter than `least`. Chunks are 16-bit mono PCM at `rate`.
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
