"""How much of something there has been of late. Pure."""

import math

LATELY_SECONDS = 2.0


class Utilisation:
    """Which share of the time something has been busy; what was long ago fades.

    Of several that are busy at once, the sum: two that always are make 2.
    """

    def __init__(self) -> None:
        self._share = self._at = 0.0

    def worked(self, seconds: float, now: float) -> None:
        self._share, self._at = self.share(now) + seconds / LATELY_SECONDS, now

    def share(self, now: float) -> float:
        return self._share * math.exp((self._at - now) / LATELY_SECONDS)
