"""Chooses the route of a session, local or realtime. Pure: time is an argument."""

from dataclasses import dataclass

from appliance.circuit_breaker import CircuitBreaker


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that a route could not answer: its text, or its audio (16 kHz) if that is all."""

    question: str = ""
    audio: bytes = b""


class RouteChoice:
    """The route of a session: the preferred one, or the other while that is broken.

    `open_routes` are the routes that are configured and allowed.
    """

    def __init__(self, preferred: str, open_routes: frozenset[str]) -> None:
        self.preferred = self.current = preferred
        self._open_routes = open_routes
        self._breakers = {route: CircuitBreaker() for route in (*open_routes, preferred)}

    def switch_after_failure(self, now: float) -> bool:
        """Records that the current route failed; True where the other one takes over.

        The local route is left only for one that may work, the realtime route in any case.
        """
        self._breakers[self.current].record_failure(now)
        other = "local" if self.current == "realtime" else "realtime"
        if other not in self._open_routes:
            return False
        breaker = self._breakers[other]
        if self.current == "local" and breaker.is_open and not breaker.is_due(now):
            return False
        self._switch_to(other, now)
        return True

    def return_if_due(self, now: float) -> bool:
        """Returns to the preferred route where it was left and its pause is over."""
        if self.current == self.preferred or not self._breakers[self.preferred].is_due(now):
            return False
        self._switch_to(self.preferred, now)
        return True

    def _switch_to(self, route: str, now: float) -> None:
        # Closed on trial: should the route fail again at once, its next pause is longer.
        self._breakers[route].record_success(now)
        self.current = route
