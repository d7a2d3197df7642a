"""What waits for an engine, and what of it is next. Pure: the caller brings the clock."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from appliance.engines import Ticket


@dataclass(eq=False, slots=True)
class Place:
    """A place in the line. Those of an equal `group` (not None) can be served as one batch."""

    ticket: Ticket
    group: Hashable | None = None


P = TypeVar("P", bound=Place)


@dataclass(frozen=True, slots=True)
class Taken(Generic[P]):
    """`batch` is to be served now, together; `late` no more."""

    batch: tuple[P, ...]
    late: tuple[P, ...]


class WaitingLine(Generic[P]):
    """Places in the order of their tickets' priorities, equals in the order in which they came.

    Not sorted as they come, because a ticket may change while it waits, and a line is short.
    """

    def __init__(self) -> None:
        self._places: list[P] = []

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place: P) -> None:
        self._places.append(place)

    def remove(self, place: P) -> bool:
        """False where it is no longer in the line."""
        if place not in self._places:
            return False
        self._places.remove(place)
        return True

    def take(self, now: float, most: int) -> Taken[P]:
        """The next to be served, with up to `most` - 1 others that it can share the work with.

        Only equals share: nobody who listens into silence pays for what can wait. Everything
        whose deadline is at or before `now` leaves the line as well.
        """
        late = tuple(place for place in self._places if _is_late(place.ticket, now))
        left = [place for place in self._places if place not in late]
        batch: list[P] = []
        if left:
            first = min(left, key=lambda place: place.ticket.priority)
            batch = [first, *_sharing(first, left)][:most]
        self._places = [place for place in left if place not in batch]
        return Taken(tuple(batch), late)

    def clear(self) -> tuple[P, ...]:
        """Everything that waited."""
        places, self._places = tuple(self._places), []
        return places


def _is_late(ticket: Ticket, now: float) -> bool:
    return ticket.deadline is not None and ticket.deadline <= now


def _sharing(first: P, places: list[P]) -> list[P]:
    if first.group is None:
        return []
    return [
        place
        for place in places
        if place is not first
        and place.group == first.group
        and place.ticket.priority == first.ticket.priority
    ]
