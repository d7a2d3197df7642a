"""Puts what two people say on one time line, as a stereo recording. Pure: times are arguments.

A microphone sends without pause, but in bursts where the network stalls; a voice is sent ahead of
its playback, and what is not played is taken back. So audio stays here for a moment before `take`
hands it out.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# A later packet is late, and no pause: the jitter of a home network.
SLACK_SECONDS = 0.15
# Quieter audio can be left out to catch up after a burst: about -40 dB of full scale.
QUIET = 330

Samples = NDArray[np.int16]


@dataclass(slots=True)
class _Channel:
    """Samples that were not handed out yet; the first has the place `begin` on the time line."""

    begin: int = 0
    samples: list[Samples] = field(default_factory=list)
    length: int = 0

    @property
    def end(self) -> int:
        return self.begin + self.length

    def append(self, samples: Samples) -> None:
        self.samples.append(samples)
        self.length += len(samples)

    def joined(self) -> Samples:
        return np.concatenate(self.samples) if self.samples else np.zeros(0, np.int16)

    def keep(self, samples: Samples) -> None:
        self.samples, self.length = [samples], len(samples)


class TwoChannels:
    """Two channels of 16-bit samples at `rate`; times are in seconds after the beginning."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._channels = (_Channel(), _Channel())

    def add(self, channel: int, samples: Samples, at: float) -> None:
        """Adds audio that begins at `at`, after all that the channel has.

        Silence fills a gap. A channel that is ahead, because a burst came after a gap, catches up
        with the time by leaving out what is quiet; speech is never left out.
        """
        line = self._channels[channel]
        place = max(line.begin, round(at * self._rate))
        slack = round(SLACK_SECONDS * self._rate)
        if place > line.end + slack:
            line.append(np.zeros(place - line.end, np.int16))
        elif line.end > place + slack and int(np.abs(samples.astype(np.int32)).max()) < QUIET:
            return
        line.append(samples)

    def cut(self, channel: int, at: float) -> None:
        """Takes back what the channel has after `at`: nobody hears it."""
        line = self._channels[channel]
        line.keep(line.joined()[: max(0, round(at * self._rate) - line.begin)])

    def take(self, until: float) -> bytes:
        """Hands out the stereo frames up to `until`, once; 16-bit, the first channel first."""
        end = round(until * self._rate)
        begin = self._channels[0].begin
        if end <= begin:
            return b""
        frames = np.zeros((end - begin, 2), np.int16)
        for number, line in enumerate(self._channels):
            samples = line.joined()
            due = samples[: end - begin]
            frames[: len(due), number] = due
            line.keep(samples[end - begin :])
            line.begin = end
        return frames.tobytes()
