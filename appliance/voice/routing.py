"""Chooses the route of a session, local or realtime. Pure: it is given the time."""

from dataclasses import dataclass

from appliance.circuit_breaker import CircuitBreaker


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What a route could not answer, for the other one to: words, or only their sound (16 kHz)."""

    question: str = ""
    audio: bytes = b""


class Routes:
    """Which of two routes a session takes: the preferred one, or the other while that is broken.

    `open_routes` are those that lead somewhere and may be taken.
    """

    def __init__(self, preferred: str, open_routes: frozenset[str]) -> None:
        self.preferred = self.current = preferred
        self._open_routes = open_routes
        self._breakers = {route: CircuitBreaker() for route in (*open_routes, preferred)}

    def failed(self, now: float) -> bool:
        """The current route cannot answer; True where the other one takes over.

        This device is only left for what may work; what is outside is left in any case.
        """
        self._breakers[self.current].record_failure(now)
        other = "local" if self.current == "realtime" else "realtime"
        if other not in self._open_routes:
            return False
        left = self._breakers[other]
        if self.current == "local" and left.is_open and not left.is_due(now):
            return False
        self._take(other, now)
        return True

    def comes_back(self, now: float) -> bool:
        """Takes the preferred route again where it was left and its time has come."""
        if self.current == self.preferred or not self._breakers[self.preferred].is_due(now):
            return False
        self._take(self.preferred, now)
        return True

    def _take(self, route: str, now: float) -> None:
        """Whether it works will be seen: should it fail at once, it is left for longer."""
        self._breakers[route].record_success(now)
        self.current = route
